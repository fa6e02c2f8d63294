"""Versions as compliance policies compare them: numbers with dots between them."""

from __future__ import annotations

import re
from typing import Final

from doorward.agent.unknown import Unknown

_VERSION: Final = re.compile(r"\d{1,9}(\.\d{1,9}){0,7}", re.ASCII)


def version(text: str) -> str | Unknown:
    """`text` where it is such a version."""
    found = _VERSION.fullmatch(text.strip())
    return found[0] if found else Unknown("The version is not numbers with dots between them.")


def numbers(text: str) -> tuple[int, ...]:
    """Every number in a text, for comparing releases of one thing with another."""
    return tuple(int(part) for part in re.findall(r"\d{1,18}", text, re.ASCII))
