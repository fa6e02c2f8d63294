"""Posture: the facts of a device's health, what each is worth, and how long it is good.

A fact is a value or unknown. Unknown never passes a check, and a fact older than its lifetime is
unknown again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal, get_args

import msgspec

from doorward.model.ids import UnixSeconds

FactName = Literal[
    "disk-encrypted",
    "os-name",
    "os-version",
    "os-supported",
    "updates-pending",
    "updates-age-days",
    "firewall",
    "screen-lock",
    "secure-boot",
    "sshd-root-login",
    "sshd-password-login",
    "extra-uid0-accounts",
    "listeners",
    "reboot-needed",
    "agent-version",
]
"""Everything that can be known of a device. docs/reference/posture.md explains each."""

FactValue = bool | int | str | tuple[str, ...]
FactType = Literal["flag", "count", "text", "version", "list"]

MAX_LIST = 256
MAX_TEXT = 256


class Trust(IntEnum):
    """How far a fact is proved. Root on the device can lie at the first two."""

    SELF_REPORTED = 0
    """The device says so, by a bearer secret (osquery)."""
    SIGNED = 1
    """Signed with the enrolled key, over doorward's nonce and a counter."""
    QUOTED = 2
    """As signed, by a TPM that quoted the measured boot with doorward's nonce."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact. `value` is None while unknown, and `why` says then what kept it so.

    `at` is when it was found; `method` names what was asked, such as `lsblk` or `dpkg`.
    """

    name: FactName
    value: FactValue | None
    at: UnixSeconds
    method: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class FactKind:
    """The type of a fact's value, how many seconds it is good for, and what to call it."""

    type: FactType
    lifetime_seconds: int
    title: str


_QUARTER: Final = 15 * 60
_DAY: Final = 86_400

FACTS: Mapping[FactName, FactKind] = MappingProxyType(
    {
        "disk-encrypted": FactKind("flag", _QUARTER, "Disk encryption"),
        "os-name": FactKind("text", _DAY, "Operating system"),
        "os-version": FactKind("version", _DAY, "Version of the operating system"),
        "os-supported": FactKind("flag", _DAY, "Operating system is supported"),
        "updates-pending": FactKind("count", _DAY, "Security updates pending"),
        "updates-age-days": FactKind("count", _DAY, "Age of the oldest pending security update"),
        "firewall": FactKind("flag", _QUARTER, "Firewall"),
        "screen-lock": FactKind("flag", _QUARTER, "Screen lock"),
        "secure-boot": FactKind("flag", _DAY, "Secure Boot"),
        "sshd-root-login": FactKind("flag", _QUARTER, "SSH server lets root in"),
        "sshd-password-login": FactKind("flag", _QUARTER, "SSH server takes passwords"),
        "extra-uid0-accounts": FactKind("count", _QUARTER, "Accounts with root's id beside root"),
        "listeners": FactKind("list", _QUARTER, "Ports open to the network"),
        "reboot-needed": FactKind("flag", _QUARTER, "Restart needed"),
        "agent-version": FactKind("version", _QUARTER, "Version of the agent"),
    }
)
_PYTHON: Mapping[FactType, type] = MappingProxyType(
    {"flag": bool, "count": int, "text": str, "version": str, "list": tuple}
)


def fits(fact: Fact) -> bool:
    """Whether the value is unknown, or of the fact's type and of a size that is believable."""
    value = fact.value
    if value is None:
        return True
    if type(value) is not _PYTHON[FACTS[fact.name].type]:
        return False
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, tuple):
        return len(value) <= MAX_LIST and all(len(item) <= MAX_TEXT for item in value)
    return value >= 0


def fact_at(fact: Fact, now: UnixSeconds) -> Fact:
    """The fact as it counts at `now`: unknown once its lifetime has passed."""
    if fact.value is None or now < fact.at + FACTS[fact.name].lifetime_seconds:
        return fact
    return msgspec.structs.replace(fact, value=None, why="It was reported too long ago.")


if tuple(FACTS) != get_args(FactName):
    raise TypeError("FACTS and FactName name the same facts, in one order")
