"""What is said of devices' health: read models for pages, the API and the command line."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds
from doorward.model.posture import Fact, FactName, Trust

State = Literal["failing", "unknown", "grace"]
"""Of a check that is not passed. `grace`: it fails, and counts as passed until the grace ends."""


class KnownFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact, and how far it is proved."""

    fact: Fact
    trust: Trust


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A check of `policy` that a device does not pass, since when, and until when it may.

    `until` ends the grace, None where there is none (left). `enforced` says whether it makes the
    device unhealthy once it counts. `words` and `link` tell the person what to do.
    """

    policy: ComplianceId
    policy_name: str
    fact: FactName
    state: State
    since: UnixSeconds
    until: UnixSeconds | None
    enforced: bool
    words: str
    link: str


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a device: its facts as they count now, by name, and what is wrong.

    `last_seen_at` is when it last said something of its health, None for never; `silent` says
    that this is too long ago.
    """

    device: DeviceId
    known: tuple[KnownFact, ...]
    findings: tuple[Finding, ...]
    last_seen_at: UnixSeconds | None
    silent: bool


class HealthChange(msgspec.Struct, frozen=True, kw_only=True):
    """A device's health became another. `findings` are short words on what was wrong then."""

    device: DeviceId
    at: UnixSeconds
    healthy: bool | None
    findings: str


class FleetSample(msgspec.Struct, frozen=True, kw_only=True):
    """How many devices were in which state at a moment.

    Suspended ones count there alone. A silent device counts as silent and by its health.
    """

    at: UnixSeconds
    healthy: int
    unhealthy: int
    unknown: int
    silent: int
    suspended: int


class CheckCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many devices do not pass the checks of `policy` on `fact`, in one way."""

    policy: ComplianceId
    fact: FactName
    state: State
    devices: int


class SilentDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device that has reported, and then no more."""

    device: DeviceId
    last_seen_at: UnixSeconds


class PolicyCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many devices stand how with a policy: each by the worst of its checks."""

    policy: ComplianceId
    state: State
    devices: int


class PolicyHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the fleet stands with a policy, or would if it were enforced.

    Of the devices that it applies to; those in their grace pass, and count in `passing` too.
    """

    policy: ComplianceId
    passing: int
    grace: int
    failing: int
    unknown: int
