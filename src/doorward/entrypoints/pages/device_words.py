"""What pages say of a device: how it stands, what is known of it, what is wrong. Plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from doorward.administrator.fleet.health import DeviceHealth, Finding, KnownFact
from doorward.model.device import Device, Platform, Suspension
from doorward.model.ids import UnixSeconds
from doorward.model.posture import FACTS, FactName, FactValue, Trust

Standing = Literal["healthy", "unhealthy", "unknown", "silent", "suspended"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
Tone = Literal["", "allow", "warn", "deny"]
Weight = Literal["failing", "unknown", "grace", "advice"]


class Badge(NamedTuple):
    """A word or two, and the colour in which they stand."""

    title: str
    tone: Tone = ""


BADGES: Mapping[Standing, Badge] = MappingProxyType(
    {
        "healthy": Badge("Healthy", "allow"),
        "unhealthy": Badge("Unhealthy", "deny"),
        "unknown": Badge("Unknown"),
        "silent": Badge("Silent", "warn"),
        "suspended": Badge("Suspended", "deny"),
    }
)
PLATFORMS: Mapping[Platform, str] = MappingProxyType(
    {"linux": "Linux", "macos": "macOS", "windows": "Windows", "other": "Another system"}
)
STORAGES: Mapping[str, str] = MappingProxyType(
    {"tpm": "in its security chip (TPM)", "software": "in a file, by software"}
)
SUSPENSIONS: Mapping[Suspension, str] = MappingProxyType(
    {
        "lost": "It was reported lost",
        "cloned": "Two devices spoke with its key, so one of them is a copy",
    }
)
PROOFS: Mapping[Trust, str] = MappingProxyType(
    {
        Trust.SELF_REPORTED: "the device says so",
        Trust.SIGNED: "signed with the device's key",
        Trust.QUOTED: "vouched for by its security chip",
    }
)
_SWITCHES: frozenset[FactName] = frozenset(
    {"disk-encrypted", "firewall", "screen-lock", "secure-boot"}
)
_WEIGHTS: Mapping[Weight, Badge] = MappingProxyType(
    {
        "failing": Badge("Put right now", "deny"),
        "unknown": Badge("Cannot be told", "warn"),
        "grace": Badge("Put right in time", "warn"),
        "advice": Badge("Advice"),
    }
)


@dataclass(frozen=True, slots=True)
class FactWords:
    """A fact as it counts now: `lasts_until` is when it is unknown again unless found anew."""

    title: str
    value: str
    known: bool
    method: str
    proof: str
    at: UnixSeconds
    lasts_until: UnixSeconds
    why: str


@dataclass(frozen=True, slots=True)
class FindingWords:
    """What is wrong, how much it matters, and what to do.

    `until` is by when it must be put right, None where there is no time, or none left. What is
    only `advice` keeps nobody out; `advice` says then how it stands.
    """

    title: str
    weight: Weight
    badge: Badge
    policy: str
    words: str
    link: str
    since: UnixSeconds
    until: UnixSeconds | None


def name_of(device: Device) -> str:
    """What people call it."""
    return device.name or device.id


def standings_of(device: Device, *, silent: bool) -> tuple[Standing, ...]:
    """How it stands: suspended and nothing else, or its health, and beside it that it is silent."""
    if device.suspended:
        return ("suspended",)
    health = _HEALTH[device.healthy]
    return (health, "silent") if silent else (health,)


def told_of(device: Device, health: DeviceHealth | None) -> str:
    """How the device stands, said to its person."""
    silent = health is not None and health.silent
    standing = standings_of(device, silent=silent)[-1]
    if standing == "suspended":
        why = SUSPENSIONS[device.suspended]
        return f"{why}, so it counts as none. Enrol it again to use it."
    if standing == "unknown" and health is not None and health.last_seen_at is None:
        return (
            "It has never said how well it is. Until it does, it counts as unhealthy wherever "
            "health is asked for: look whether the doorward agent runs on it."
        )
    if standing == "unhealthy" and not _counting(health) and device.reason:
        return (
            f"It does not meet the health rules of your organisation: {device.reason.rstrip('.')}. "
            "Put that right, or ask the people who look after your devices."
        )
    return _TOLD[standing]


def facts_in_words(known: Iterable[KnownFact]) -> list[FactWords]:
    """Facts as they count now, in the order in which posture lists them."""
    return [
        FactWords(
            title=FACTS[item.fact.name].title,
            value=value_in_words(item.fact.name, item.fact.value),
            known=item.fact.value is not None,
            method=item.fact.method,
            proof=PROOFS[item.trust],
            at=item.fact.at,
            lasts_until=item.fact.at + FACTS[item.fact.name].lifetime_seconds,
            why=item.fact.why,
        )
        for item in known
    ]


def value_in_words(name: FactName, value: FactValue | None) -> str:
    """`on`, `no`, `12.4`, `22, 443`, `unknown`."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        words = ("off", "on") if name in _SWITCHES else ("no", "yes")
        return words[value]
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value)


def findings_in_words(findings: Iterable[Finding]) -> list[FindingWords]:
    """What counts first, then what will, then what is only advice."""
    found = [_finding(item) for item in findings]
    return sorted(found, key=lambda item: _ORDER[item.weight])


def _finding(finding: Finding) -> FindingWords:
    weight: Weight = finding.state if finding.enforced else "advice"
    return FindingWords(
        title=FACTS[finding.fact].title,
        weight=weight,
        badge=_WEIGHTS[weight],
        policy=finding.policy_name,
        words=finding.words,
        link=finding.link,
        since=finding.since,
        until=finding.until,
    )


def _counting(health: DeviceHealth | None) -> bool:
    return health is not None and any(
        item.enforced and item.state == "failing" for item in health.findings
    )


_HEALTH: Mapping[bool | None, Standing] = {True: "healthy", False: "unhealthy", None: "unknown"}
_ORDER = {weight: place for place, weight in enumerate(_WEIGHTS)}
_TOLD: Mapping[Standing, str] = {
    "healthy": "It meets the health rules of your organisation.",
    "unhealthy": (
        "It does not meet the health rules of your organisation. Applications that ask for a "
        "healthy device do not open on it until that is put right."
    ),
    "unknown": (
        "Not all that your organisation asks for is known of it. Until then it counts as "
        "unhealthy wherever health is asked for."
    ),
    "silent": (
        "It has said nothing for more than a quarter of an hour, and what it said before counts "
        "less and less. Switch it on and connect it, and look whether the doorward agent runs."
    ),
}
