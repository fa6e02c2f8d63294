"""Comparing versions: numbers with dots between them, and what may follow. Pure."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"(\d{1,9}(?:\.\d{1,9}){0,5})(.*)", re.DOTALL)
_MORE_NUMBERS = re.compile(r"\d|\.[.\d]")
_BEFORE_RELEASE = re.compile(r"[.\-_ ]?(~|a\d|b\d|alpha|beta|c\d|dev|pre|rc)", re.IGNORECASE)


def at_least(version: str, least: str) -> bool | None:
    """Whether `version` is `least` or later; None where it is not a version that can be compared.

    12.4 is 12.4.0. What follows the numbers (6.1.0-18-amd64) does not count, but that something
    which says so (12.4-rc1, 12.4~beta) comes before the release.
    """
    given, wanted = _NUMBERS.fullmatch(version), _NUMBERS.fullmatch(least)
    if given is None or wanted is None or _MORE_NUMBERS.match(given[2]):
        return None
    ours, theirs = _parts(given[1]), _parts(wanted[1])
    if ours == theirs:
        return _BEFORE_RELEASE.match(given[2]) is None
    return ours > theirs


def _parts(numbers: str) -> tuple[int, ...]:
    found = [int(part) for part in numbers.split(".")]
    while found and not found[-1]:
        found.pop()
    return tuple(found)
