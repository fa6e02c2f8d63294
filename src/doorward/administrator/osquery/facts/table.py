"""The queries: which of osquery's tables yield which facts.

docs/reference/osquery.md repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from doorward.administrator.osquery.facts import every, linux, macos, windows
from doorward.administrator.osquery.facts.reading import Answer, Reader, Unknown, one
from doorward.model.device import Platform
from doorward.model.ids import UnixSeconds
from doorward.model.posture import FACTS, Fact, FactName, fits
from doorward.protocol.osquery import Row

PLATFORMS: Mapping[Platform, str] = MappingProxyType(
    {"linux": "linux", "macos": "darwin", "windows": "windows"}
)
"""What osquery calls each platform in a schedule."""

_ASKED_IN_A_LIFETIME: Final = 3
_LONGEST_SECONDS: Final = 4 * 3600


@dataclass(frozen=True, slots=True)
class Query:
    """A query for one platform. `table` is what the method of its facts names.

    `without` are facts that osquery cannot tell there, and why.
    """

    name: str
    platform: Platform
    table: str
    sql: str
    reader: Reader
    without: Mapping[FactName, str]

    @property
    def facts(self) -> tuple[FactName, ...]:
        """What it tells."""
        return self.reader.facts

    @property
    def lifetime_seconds(self) -> int:
        """The shortest of its facts'."""
        return min(FACTS[name].lifetime_seconds for name in self.facts)

    @property
    def interval_seconds(self) -> int:
        """How often it is scheduled: two answers may be lost before a fact is too old."""
        return min(self.lifetime_seconds // _ASKED_IN_A_LIFETIME, _LONGEST_SECONDS)


def facts_of(query: Query, rows: Sequence[Row], at: UnixSeconds) -> list[Fact]:
    """The facts that the rows of a run at `at` tell."""
    answers: dict[FactName, Answer] = dict(query.reader.read(rows))
    answers |= {name: Unknown(why) for name, why in query.without.items()}
    return [_fact(query, name, answer, at) for name, answer in answers.items()]


def failed(query: Query, at: UnixSeconds) -> list[Fact]:
    """The facts of a query that failed on the host."""
    why = Unknown("osquery could not answer the query.")
    return [_fact(query, name, why, at) for name in query.facts]


def _fact(query: Query, name: FactName, answer: Answer, at: UnixSeconds) -> Fact:
    method = f"osquery:{query.table}"
    if isinstance(answer, Unknown):
        return Fact(name=name, value=None, at=at, method=method, why=answer.why)
    fact = Fact(name=name, value=answer, at=at, method=method)
    if fits(fact) and (not isinstance(answer, str) or answer.isprintable()):
        return fact
    return Fact(name=name, value=None, at=at, method=method, why="What was found does not fit.")


_SYSTEM: Final[Mapping[FactName, str]] = {
    "os-supported": "osquery does not know until when its maker mends it.",
    "updates-pending": "osquery sees what is installed, and not what waits to be.",
    "updates-age-days": "osquery sees what is installed, and not what waits to be.",
    "agent-version": "The device reports by osquery, and not by doorward's agent.",
}
_LINUX_DISKS: Final[Mapping[FactName, str]] = {
    "screen-lock": "osquery has no table of screen locks on Linux."
}
_MACOS_DISKS: Final[Mapping[FactName, str]] = {
    "screen-lock": "osquery sees the screen lock of its own account only.",
    "reboot-needed": "osquery has no table of restarts that are due on macOS.",
}
_OF_SYSTEM: Final[tuple[FactName, ...]] = ("os-name", "os-version")
_OF_SSHD: Final[tuple[FactName, ...]] = ("sshd-root-login", "sshd-password-login")
_POSIX: Final[tuple[Platform, ...]] = ("linux", "macos")
_EVERY: Final[tuple[Platform, ...]] = ("linux", "macos", "windows")
_NONE: Final[Mapping[FactName, str]] = MappingProxyType({})


def _on(
    platform: Platform,
    about: str,
    table: str,
    sql: str,
    reader: Reader,
    without: Mapping[FactName, str] = _NONE,
) -> Query:
    return Query(f"doorward_{about}_{platform}", platform, table, sql, reader, without)


def _of_linux() -> list[Query]:
    disks, firewall = one("disk-encrypted", linux.disk_encrypted), one("firewall", linux.firewall)
    boot, wait = one("secure-boot", linux.secure_boot), one("reboot-needed", linux.reboot_needed)
    system = Reader(_OF_SYSTEM, linux.system)
    return [
        _on("linux", "disks", "disk_encryption", linux.DISKS, disks, _LINUX_DISKS),
        _on("linux", "system", "os_version", linux.SYSTEM, system, _SYSTEM),
        _on("linux", "boot", "secureboot", linux.SECURE_BOOT, boot),
        _on("linux", "firewall", "iptables", linux.FIREWALL, firewall),
        _on("linux", "restart", "kernel_info", linux.KERNELS, wait),
    ]


def _of_macos() -> list[Query]:
    disks, firewall = one("disk-encrypted", macos.disk_encrypted), one("firewall", macos.firewall)
    system, boot = Reader(_OF_SYSTEM, macos.system), one("secure-boot", macos.secure_boot)
    return [
        _on("macos", "disks", "disk_encryption", macos.DISKS, disks, _MACOS_DISKS),
        _on("macos", "system", "os_version", macos.SYSTEM, system, _SYSTEM),
        _on("macos", "boot", "secureboot", macos.SECURE_BOOT, boot),
        _on("macos", "firewall", "alf", macos.FIREWALL, firewall),
    ]


def _of_windows() -> list[Query]:
    disks, boot = (
        one("disk-encrypted", windows.disk_encrypted),
        one("secure-boot", linux.secure_boot),
    )
    firewall, lock = one("firewall", windows.firewall), one("screen-lock", windows.screen_lock)
    system, sshd = Reader(_OF_SYSTEM, windows.system), Reader(_OF_SSHD, windows.sshd)
    wait = one("reboot-needed", windows.reboot_needed)
    return [
        _on("windows", "disks", "bitlocker_info", windows.DISKS, disks),
        _on("windows", "system", "os_version", windows.SYSTEM, system, _SYSTEM),
        _on("windows", "boot", "secureboot", linux.SECURE_BOOT, boot),
        _on("windows", "firewall", "windows_security_center", windows.FIREWALL, firewall),
        _on("windows", "lock", "registry", windows.SCREEN_LOCK, lock),
        _on("windows", "sshd", "services", windows.SSHD, sshd),
        _on("windows", "restart", "registry", windows.REBOOT, wait),
    ]


def _of_several() -> list[Query]:
    sshd, listeners = Reader(_OF_SSHD, every.sshd), one("listeners", every.listeners)
    accounts = one("extra-uid0-accounts", every.extra_accounts)
    return [
        *(_on(item, "sshd", "augeas", every.SSHD, sshd) for item in _POSIX),
        *(_on(item, "accounts", "users", every.ACCOUNTS, accounts) for item in _EVERY),
        *(_on(item, "listeners", "listening_ports", every.LISTENERS, listeners) for item in _EVERY),
    ]


QUERIES: Mapping[str, Query] = MappingProxyType(
    {query.name: query for query in (*_of_linux(), *_of_macos(), *_of_windows(), *_of_several())}
)


def queries_of(platform: Platform) -> Sequence[Query]:
    """Those for a platform; all of them where it is not known which one it is."""
    return [query for query in QUERIES.values() if platform in {query.platform, "other"}]
