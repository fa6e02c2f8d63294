"""Facts of Linux."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from doorward.administrator.osquery.facts.reading import (
    ASKED,
    NOTHING,
    UNCLEAR,
    Answer,
    Unknown,
    every,
    flag,
    labelled,
    version,
)
from doorward.model.posture import FactName
from doorward.protocol.osquery import Row

DISKS: Final = (
    "SELECT m.path, d.encrypted, d.encryption_status FROM mounts AS m "
    "LEFT JOIN disk_encryption AS d ON d.name = m.device_alias "
    "WHERE (m.device LIKE '/dev/%' OR m.type = 'zfs') AND m.device NOT LIKE '/dev/loop%' "
    "AND m.path NOT IN ('/boot', '/boot/efi', '/efi')"
)
SYSTEM: Final = "SELECT platform, version FROM os_version"
SECURE_BOOT: Final = "SELECT secure_boot, setup_mode FROM secureboot"
FIREWALL: Final = (
    "SELECT 'filter' AS what, policy, target, protocol, src_ip, dst_ip, iniface, match "
    "FROM iptables WHERE filter_name = 'filter' AND chain = 'INPUT' UNION ALL "
    "SELECT 'ipv6', '', '', '', address, '', interface, '' FROM interface_addresses "
    "WHERE address LIKE '%:%' AND address != '::1' AND address NOT LIKE 'fe80:%'"
)
KERNELS: Final = (
    "SELECT 'asked' AS what, '' AS name UNION ALL "
    "SELECT 'running', version FROM kernel_info UNION ALL "
    "SELECT 'mark', path FROM file WHERE path = '/run/reboot-required' UNION ALL "
    "SELECT 'installed', replace(replace(name, 'linux-image-unsigned-', ''), 'linux-image-', '') "
    "FROM deb_packages WHERE name LIKE 'linux-image-%' UNION ALL "
    "SELECT 'installed', version || '-' || release || '.' || arch "
    "FROM rpm_packages WHERE name IN ('kernel-core', 'kernel')"
)

_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}")
_RELEASE: Final = re.compile(r"\d+\.\d+[\w.+~-]{0,120}", re.ASCII)
_LETS_NOTHING_IN: Final = frozenset({"", "DROP", "REJECT", "LOG", "NFLOG"})
"""Targets; the chain of a jump is not looked into, and may let in what it is given."""
_ANYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104


def disk_encrypted(rows: Sequence[Row]) -> Answer:
    """Whether every disk that is mounted is encrypted; `/boot` is exempt. Swap is not seen.

    Whether ZFS encrypts is not known to osquery.
    """
    if not any(row.get("path") == "/" for row in rows):
        return Unknown("osquery does not know the disk that holds the root.")
    return every([_disk(row) for row in rows])


def _disk(row: Row) -> bool | Unknown:
    if row.get("encryption_status") == "undefined":
        return Unknown("osquery cannot tell of a disk whether it is encrypted.")
    return flag(row.get("encrypted", ""))


def system(rows: Sequence[Row]) -> Mapping[FactName, Answer]:
    """The ID of os-release(5), such as `debian`, and the version."""
    if len(rows) != 1:
        return {"os-name": UNCLEAR, "os-version": UNCLEAR}
    name = rows[0].get("platform", "")
    return {
        "os-name": name if _NAME.fullmatch(name) else UNCLEAR,
        "os-version": version(rows[0].get("version", "")),
    }


def secure_boot(rows: Sequence[Row]) -> Answer:
    """Whether it is on, and its keys are not open to change."""
    if len(rows) != 1:
        return Unknown("osquery found no UEFI firmware.")
    on, open_to_change = flag(rows[0].get("secure_boot", "")), flag(rows[0].get("setup_mode", ""))
    closed = open_to_change if isinstance(open_to_change, Unknown) else not open_to_change
    return every([on, closed])


def firewall(rows: Sequence[Row]) -> Answer:
    """Whether iptables drops what no rule lets in.

    osquery sees neither nftables nor ip6tables: what lets everything in may still be refused
    there, and a machine that IPv6 reaches may be open by it. Both are unknown.
    """
    rules = labelled(rows, "filter")
    if not rules:
        return Unknown("osquery sees no rules of iptables, and does not look at nftables.")
    policies = {row.get("policy", "") for row in rules} - {""}
    if policies != {"DROP"} or any(_lets_everything_in(row) for row in rules):
        return Unknown("iptables lets everything in, and osquery does not look at nftables.")
    if labelled(rows, "ipv6"):
        return Unknown("IPv6 reaches this machine, and osquery does not look at ip6tables.")
    return True


def _lets_everything_in(rule: Row) -> bool:
    return (
        rule.get("target", "") not in _LETS_NOTHING_IN
        and rule.get("protocol", "0") in {"0", ""}
        and rule.get("iniface", "") in {"", "all"}
        and rule.get("match", "") in {"", "no"}
        and {rule.get("src_ip", ""), rule.get("dst_ip", "")} <= _ANYWHERE
    )


def reboot_needed(rows: Sequence[Row]) -> Answer:
    """Debian's mark, or a kernel of the running one's flavour that is newer than it."""
    if not labelled(rows, ASKED):
        return NOTHING
    if labelled(rows, "mark"):
        return True
    running = [row.get("name", "") for row in labelled(rows, "running")]
    if len(running) != 1 or _RELEASE.fullmatch(running[0]) is None:
        return Unknown("The kernel's version is not understood.")
    installed = {row.get("name", "") for row in labelled(rows, "installed")}
    same = [name for name in installed if _flavour(name) == _flavour(running[0])]
    if running[0] not in same:
        return Unknown("The kernel that runs is not among the packages that osquery sees.")
    return any(_numbers(name) > _numbers(running[0]) for name in same)


def _flavour(release: str) -> str:
    """What follows the numbers: `amd64` of `6.1.0-28-amd64`, `x86_64` of `6.1.5-2.fc43.x86_64`."""
    return re.sub(r"^[\d.+~_-]*(?:(?:fc|el|amzn)\d\w*\.?)?", "", release)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,18}", release, re.ASCII))
