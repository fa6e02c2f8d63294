"""A fleet with a life behind it: 42 devices in every state, with facts, findings and history.

`lively(control, owners, now)` puts it on a store; `settle_in(...)` puts devices of one's own
there. What follows from the facts is concluded as doorward does it, not written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import sin

import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.fleet.conclude import conclude
from doorward.administrator.fleet.health import FleetSample, HealthChange, KnownFact
from doorward.administrator.fleet.known import packed
from doorward.administrator.fleet.ports import DeviceRecord, KeyStorage
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.model.compliance import Check, Compliance
from doorward.model.device import Device, Platform, Suspension
from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds, UserId
from doorward.model.posture import Fact, FactName, FactValue, Trust
from doorward.model.snapshot import change
from tests.fakes.certificates import key_of

HOUR, DAY = 3600, 86_400
BASE, SSH = ComplianceId("base"), ComplianceId("ssh")
HOSTILE_NAME = '"><img src=x onerror=alert(1)>'
"""What a stranger calls their device."""

WELL: dict[FactName, FactValue | None] = {
    "disk-encrypted": True,
    "os-name": "Debian GNU/Linux",
    "os-version": "12.7",
    "os-supported": True,
    "updates-pending": 0,
    "updates-age-days": 0,
    "firewall": True,
    "screen-lock": True,
    "secure-boot": True,
    "sshd-root-login": False,
    "sshd-password-login": False,
    "extra-uid0-accounts": 0,
    "listeners": ("tcp/22",),
    "reboot-needed": False,
    "agent-version": "0.4.0",
}
METHODS: dict[FactName, str] = {
    "disk-encrypted": "lsblk",
    "updates-pending": "apt",
    "updates-age-days": "apt",
    "firewall": "nft",
    "secure-boot": "efivar",
    "listeners": "/proc/net",
}
POLICIES = (
    Compliance(
        id=BASE,
        name="Every device of ours",
        mode="enforce",
        checks=(
            Check(
                fact="disk-encrypted",
                want=True,
                words="Encrypt the whole disk. The help desk sits with you while it runs.",
                link="https://help.example.org/disk",
            ),
            Check(fact="firewall", want=True, words="Switch the firewall on."),
            Check(fact="screen-lock", want=True),
            Check(
                fact="updates-age-days",
                at_most=14,
                grace_hours=120,
                words="Install the security updates that wait, then restart.",
                link="https://help.example.org/updates",
            ),
        ),
    ),
    Compliance(
        id=SSH,
        name="Hardening, as advice",
        checks=(
            Check(fact="sshd-password-login", want=False, words="Let SSH take keys only."),
            Check(fact="secure-boot", want=True, trust=1),
        ),
    ),
)


@dataclass(frozen=True)
class Kept:
    """A device as it is kept. `facts` are other than `WELL`; nothing is known of one never heard.

    `seen_ago` is in seconds, None for never; `failing_for` is for how long it fails what it fails.
    """

    id: str
    name: str
    platform: Platform = "linux"
    storage: KeyStorage = "tpm"
    facts: dict[FactName, FactValue | None] = field(default_factory=dict)
    trust: Trust = Trust.SIGNED
    seen_ago: float | None = 90
    failing_for: float = 2 * DAY
    suspended: Suspension = ""
    attested: bool = False
    risk: int = 0


UNENCRYPTED = Kept("", "", facts={"disk-encrypted": False}, storage="software")
BEHIND = Kept("", "", facts={"updates-age-days": 23, "updates-pending": 76, "reboot-needed": True})
KINDS: tuple[tuple[int, Kept], ...] = (
    (11, Kept("", "")),
    (7, Kept("", "", trust=Trust.QUOTED, attested=True)),
    (6, Kept("", "", platform="macos", facts={"sshd-password-login": True})),
    (3, UNENCRYPTED),
    (4, BEHIND),
    (2, replace(UNENCRYPTED, facts={"firewall": False}, platform="windows", risk=40)),
    (1, Kept("", "", facts={"firewall": False, "disk-encrypted": False}, risk=75)),
    (2, Kept("", "", platform="windows", facts={"screen-lock": None})),
    (1, Kept("", "", seen_ago=None)),
    (2, Kept("", "", seen_ago=9 * HOUR)),
    (1, Kept("", "", seen_ago=4 * DAY, platform="macos")),
    (1, Kept("", "", suspended="lost", seen_ago=6 * DAY)),
)
NAMES = ("ThinkPad", "Framework", "MacBook", "Workstation", "Latitude", "Mill", "Build host")


def devices() -> list[Kept]:
    """42 devices, the last of which is a copy and calls itself something hostile."""
    kinds = [kind for count, kind in KINDS for _ in range(count)]
    found = [
        replace(kind, id=f"dev-{number:04d}", name=f"{name} {number}")
        for number, (kind, name) in enumerate(zip(kinds[:-1], cycle(NAMES), strict=False), 1)
    ]
    lost = replace(kinds[-1], id="dev-lost", name="Travel laptop")
    copied = Kept("dev-copied", HOSTILE_NAME, storage="software", suspended="cloned", risk=90)
    return [*found, lost, copied]


async def lively(
    control: ControlPlane, owners: Sequence[UserId], now: UnixSeconds, kept: Sequence[Kept] = ()
) -> list[Device]:
    """The fleet, its devices dealt out to `owners` in turn, with 30 days of history."""
    found = await settle_in(control, owners, now, kept or devices())
    async with control.store.transaction() as transaction:
        for sample in samples(now, len(found)):
            await transaction.devices.posture.history.add_sample(sample)
    return found


async def settle_in(
    control: ControlPlane, owners: Sequence[UserId], now: UnixSeconds, kept: Sequence[Kept]
) -> list[Device]:
    """These devices and the policies, and what follows from them now."""
    async with control.store.transaction() as transaction:
        number = await transaction.snapshot.publish(
            [change("compliance", policy) for policy in POLICIES]
        )
    snapshot = await control.live.reached(number)
    settled: list[Device] = []
    async with control.store.transaction() as transaction:
        posture = transaction.devices.posture
        for item, owner in zip(kept, cycle(owners), strict=False):
            device, known = _device(item, owner), _known(item, now)
            record = PostureRecord(
                device=device.id,
                key=device.key,
                facts=packed(known),
                seen_at=None if item.seen_ago is None else now - item.seen_ago,
            )
            conclusion = conclude(snapshot, device, record, known, _before(item, now), now)
            device = conclusion.on(device)
            await transaction.devices.records.put([_record(item, device, now)])
            await posture.records.put([msgspec.structs.replace(record, due_at=conclusion.due_at)])
            await posture.findings.replace({device.id: conclusion.records})
            await posture.history.add(_history(item, device, now))
            settled.append(device)
        await transaction.snapshot.publish([change("device", device) for device in settled])
    return settled


def samples(now: UnixSeconds, devices_now: int) -> list[FleetSample]:
    """30 days: a fleet that grows, sleeps at night, and had a policy enforced ten days ago."""
    found = []
    for minutes in range(30 * 24 * 60, 0, -30):
        at, days = now - minutes * 60, minutes / (24 * 60)
        devices_then = round(devices_now * (1 - days / 90))
        night = sin((at % DAY) / DAY * 6.283)
        unhealthy = round(devices_then * (0.06 + (0.3 / (11 - days) if days < 10 else 0)))
        unknown = round(3 + max(night, 0) * 4)
        found.append(
            FleetSample(
                at=at,
                healthy=devices_then - unhealthy - unknown - 2,
                unhealthy=unhealthy,
                unknown=unknown,
                silent=round(2 + max(night, 0) * 6),
                suspended=1 if days > 6 else 2,
            )
        )
    return found


def _device(item: Kept, owner: UserId) -> Device:
    return Device(
        id=DeviceId(item.id),
        owner=owner,
        key=key_of(item.id),
        name=item.name,
        platform=item.platform,
        attested=item.attested,
        suspended=item.suspended,
        risk=item.risk,
    )


def _known(item: Kept, now: UnixSeconds) -> tuple[KnownFact, ...]:
    if item.seen_ago is None:
        return ()
    at = now - item.seen_ago
    facts = {**WELL, **item.facts}
    return tuple(
        KnownFact(
            fact=Fact(
                name=name,
                value=value,
                at=at,
                method=METHODS.get(name, "agent"),
                why="" if value is not None else "Nothing on this system tells.",
            ),
            trust=item.trust,
        )
        for name, value in facts.items()
    )


def _before(item: Kept, now: UnixSeconds) -> list[FindingRecord]:
    failed_at = now - item.failing_for
    return [
        FindingRecord(
            policy=policy.id, fact=check.fact, state="failing", since=failed_at, failed_at=failed_at
        )
        for policy in POLICIES
        for check in policy.checks
        if item.facts.get(check.fact) is not None
    ]


def _record(item: Kept, device: Device, now: UnixSeconds) -> DeviceRecord:
    return DeviceRecord(
        id=device.id,
        public_key=device.key.encode(),
        storage=item.storage,
        enrolled_at=now - 40 * DAY,
        counter=11_000,
        digest="ab" * 32,
        last_seen_at=None if item.seen_ago is None else now - item.seen_ago,
    )


def _history(item: Kept, device: Device, now: UnixSeconds) -> list[HealthChange]:
    """The oldest first: enrolled and healthy, once unhealthy for a day, and how it is now."""
    moments: list[tuple[float, bool | None, str]] = [
        (28 * DAY, True, ""),
        (17 * DAY, False, "Not as it must be: Firewall."),
        (16 * DAY, True, ""),
    ]
    if item.seen_ago is None:
        moments = []
    elif device.healthy is not True:
        moments.append((max(item.failing_for, item.seen_ago), device.healthy, device.reason))
    return [
        HealthChange(device=device.id, at=now - ago, healthy=healthy, findings=words)
        for ago, healthy, words in moments
    ]
