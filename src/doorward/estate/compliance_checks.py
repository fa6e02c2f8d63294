"""What a compliance policy of an estate must satisfy on its own."""

from __future__ import annotations

import re

from doorward.estate.problems import Problems, Source
from doorward.model.compliance import Check, Compliance
from doorward.model.posture import FACTS, Trust

OPERATOR = "operator"
"""What those who run doorward say of a device goes by this name, beside the policies'."""
MAX_GRACE_HOURS = 24 * 90

_EXPECTATIONS = {
    "flag": "want",
    "count": "at_most",
    "version": "at_least",
    "text": "allowed",
    "list": "allowed",
}
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,5}")
_LINK = re.compile(r"https?://[\x21-\x7e]+")


def check_compliance(policy: Compliance, source: Source, problems: Problems) -> None:
    """Report what is wrong with `policy`; references to groups are checked elsewhere."""
    if policy.id == OPERATOR:
        problems.add(
            source,
            ("id",),
            "reserved-id",
            f"The identifier `{OPERATOR}` belongs to doorward itself.",
            "Choose another one.",
        )
    if not policy.checks:
        problems.add(
            source,
            (),
            "no-checks",
            f"`{policy.id}` checks nothing, so every device would pass it.",
            "Add a [[compliance.checks]] table.",
        )
    _check_grace(policy.grace_hours, source, problems)
    for index, check in enumerate(policy.checks):
        _check(check, source.below("checks", index), problems)


def _check(check: Check, source: Source, problems: Problems) -> None:
    kind = FACTS[check.fact].type
    wanted = _EXPECTATIONS[kind]
    given = [
        name
        for name, value in (
            ("want", check.want),
            ("at_most", check.at_most),
            ("at_least", check.at_least or None),
            ("allowed", check.allowed),
        )
        if value is not None
    ]
    if given != [wanted]:
        problems.add(
            source,
            ("fact",),
            "bad-expectation",
            f"The fact `{check.fact}` is a {kind}, and is checked by `{wanted}` alone.",
            f"Write one line: {wanted} = …",
        )
    elif check.at_least and not _VERSION.fullmatch(check.at_least):
        problems.add(
            source,
            ("at_least",),
            "bad-version",
            f"`{check.at_least}` is not a version that can be compared.",
            "Write numbers with dots between them, like 12.4.",
        )
    if not 0 <= check.trust <= max(Trust):
        problems.add(
            source,
            ("trust",),
            "bad-trust",
            f"There is no trust tier {check.trust}.",
            "Write 0 (self-reported), 1 (signed) or 2 (quoted by a TPM).",
        )
    if check.link and not _LINK.fullmatch(check.link):
        problems.add(
            source,
            ("link",),
            "bad-link",
            f"`{check.link}` is not the address of a page.",
            "Write it like https://help.example.org/disk-encryption.",
        )
    if check.grace_hours is not None:
        _check_grace(check.grace_hours, source, problems)


def _check_grace(hours: int, source: Source, problems: Problems) -> None:
    if not 0 <= hours <= MAX_GRACE_HOURS:
        problems.add(
            source,
            ("grace_hours",),
            "bad-grace",
            f"A grace of {hours} hours is out of range.",
            f"Give a number from 0 to {MAX_GRACE_HOURS}.",
        )
