"""Compliance policies: named sets of checks on devices, as the estate declares them."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.device import Platform
from doorward.model.ids import ComplianceId, GroupId
from doorward.model.posture import FactName

Mode = Literal["report", "enforce"]
"""Whether a failure is only shown, or makes the device unhealthy."""


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one fact must be; exactly the expectation that suits the fact's type is given.

    A flag must be `want`; a count `at_most`; a version `at_least` (dotted numbers); a text one of
    `allowed`; every element of a list one of `allowed`. `trust` is the least tier that the fact
    must have (`Trust`). A device may fail for `grace_hours` before it counts, the policy's where
    none are given. `words` and `link` tell the person what to do.
    """

    fact: FactName
    want: bool | None = None
    at_most: int | None = None
    at_least: str = ""
    allowed: tuple[str, ...] | None = None
    trust: int = 0
    grace_hours: int | None = None
    words: str = ""
    link: str = ""


class Compliance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set of checks for the devices on `platforms` whose owner is in one of `groups`.

    Empty `platforms` or `groups` mean every one. A new policy begins as report-only.
    """

    id: ComplianceId
    name: str
    checks: tuple[Check, ...]
    description: str = ""
    mode: Mode = "report"
    platforms: tuple[Platform, ...] = ()
    groups: tuple[GroupId, ...] = ()
    grace_hours: int = 0
