"""os-supported: until when each operating system gets security updates.

The last day of free security updates for everyone. Dates that their maker has not fixed are left
out, and so are systems that nobody here follows: they are unknown, unless `/etc/os-release` says
SUPPORT_END itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

from doorward.agent.unknown import Unknown
from doorward.model.ids import UnixSeconds

AS_OF: Final = date(2026, 11, 26)
"""When this table was last compared with its sources.

Debian (with LTS) and Ubuntu (standard support): distro-info-data. Fedora, Alma, Rocky, CentOS
Stream, openSUSE, Alpine: their release pages, by way of endoflife.date. Red Hat: end of the
maintenance phase. macOS: Apple publishes no dates and mends the latest three; a year is counted
for each. Windows: Microsoft's lifecycle pages, the date of Home and Pro for clients.
"""

ROLLING: Final = frozenset({"arch", "opensuse-tumbleweed"})
"""Distributions without releases: supported as long as they are up to date."""

ENDS: Mapping[tuple[str, str], date] = MappingProxyType(
    {
        ("debian", "10"): date(2024, 6, 30),
        ("debian", "11"): date(2026, 8, 31),
        ("debian", "12"): date(2028, 6, 30),
        ("debian", "13"): date(2030, 6, 30),
        ("ubuntu", "20.04"): date(2025, 5, 31),
        ("ubuntu", "22.04"): date(2027, 6, 1),
        ("ubuntu", "24.04"): date(2029, 5, 31),
        ("ubuntu", "24.10"): date(2025, 7, 10),
        ("ubuntu", "25.04"): date(2026, 1, 15),
        ("ubuntu", "25.10"): date(2026, 7, 9),
        ("ubuntu", "26.04"): date(2031, 5, 29),
        ("fedora", "41"): date(2025, 12, 15),
        ("fedora", "42"): date(2026, 5, 13),
        ("fedora", "43"): date(2026, 12, 9),
        ("rhel", "8"): date(2029, 5, 31),
        ("rhel", "9"): date(2032, 5, 31),
        ("rhel", "10"): date(2035, 5, 31),
        ("almalinux", "8"): date(2029, 3, 1),
        ("almalinux", "9"): date(2032, 5, 31),
        ("almalinux", "10"): date(2035, 5, 31),
        ("rocky", "8"): date(2029, 5, 31),
        ("rocky", "9"): date(2032, 5, 31),
        ("rocky", "10"): date(2035, 5, 31),
        ("centos", "7"): date(2024, 6, 30),
        ("centos", "8"): date(2024, 5, 31),
        ("centos", "9"): date(2027, 5, 31),
        ("opensuse-leap", "15.6"): date(2026, 4, 30),
        ("opensuse-leap", "16.0"): date(2027, 10, 31),
        ("alpine", "3.20"): date(2026, 4, 1),
        ("alpine", "3.21"): date(2026, 11, 1),
        ("alpine", "3.22"): date(2027, 5, 1),
        ("alpine", "3.23"): date(2027, 11, 1),
        ("macos", "13"): date(2025, 9, 15),
        ("macos", "14"): date(2026, 9, 15),
        ("macos", "15"): date(2027, 9, 15),
        ("macos", "26"): date(2028, 9, 15),
        ("windows", "10.0.19045"): date(2025, 10, 14),
        ("windows", "10.0.22621"): date(2024, 10, 8),
        ("windows", "10.0.22631"): date(2025, 11, 11),
        ("windows", "10.0.26100"): date(2026, 10, 13),
        ("windows", "10.0.26200"): date(2027, 10, 12),
        ("windows-server", "10.0.14393"): date(2027, 1, 12),
        ("windows-server", "10.0.17763"): date(2029, 1, 9),
        ("windows-server", "10.0.20348"): date(2031, 10, 14),
        ("windows-server", "10.0.26100"): date(2034, 10, 10),
    }
)


def supported(name: str, version: str, now: UnixSeconds, declared: str = "") -> bool | Unknown:
    """Whether `now` is before the end of support of a version, or of one that it begins with.

    `declared` is what the system itself says of its end, as in SUPPORT_END of os-release(5).
    """
    if name in ROLLING:
        return True
    end = _end(name, version) or _day(declared)
    if end is None:
        return Unknown(f"Until when {name} {version} is supported is not known.".replace("  ", " "))
    return datetime.fromtimestamp(now, UTC).date() <= end


def _end(name: str, version: str) -> date | None:
    parts = version.split(".")
    for length in range(len(parts), 0, -1):
        end = ENDS.get((name, ".".join(parts[:length])))
        if end is not None:
            return end
    return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
