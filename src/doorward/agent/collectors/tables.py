"""Which collector finds which fact, platform by platform. docs/reference/posture.md repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from doorward.agent.collectors.agent_version import agent_version
from doorward.agent.collectors.finding import Collector, Finding, Scene
from doorward.agent.collectors.linux import (
    accounts,
    disk,
    firewall,
    reboot,
    screen_lock,
    secure_boot,
    system,
)
from doorward.agent.collectors.linux import listeners as linux_listeners
from doorward.agent.collectors.linux import updates as linux_updates
from doorward.agent.collectors.macos import network as mac_network
from doorward.agent.collectors.macos import protection as mac_protection
from doorward.agent.collectors.macos import screen_lock as mac_screen_lock
from doorward.agent.collectors.macos import system as mac_system
from doorward.agent.collectors.macos import updates as mac_updates
from doorward.agent.collectors.sshd import password_login, root_login
from doorward.agent.collectors.updates import pending_age, pending_count
from doorward.agent.collectors.windows import network as windows_network
from doorward.agent.collectors.windows import protection as windows_protection
from doorward.agent.collectors.windows import screen_lock as windows_screen_lock
from doorward.agent.collectors.windows import system as windows_system
from doorward.agent.unknown import Unknown
from doorward.model.device import Platform
from doorward.model.posture import FACTS, FactName

Table = Mapping[FactName, Collector]

LINUX: Table = MappingProxyType(
    {
        "disk-encrypted": disk.disk_encrypted,
        "os-name": system.os_name,
        "os-version": system.os_version,
        "os-supported": system.os_supported,
        "updates-pending": pending_count(linux_updates.pending_security),
        "updates-age-days": pending_age(linux_updates.pending_security),
        "firewall": firewall.firewall,
        "screen-lock": screen_lock.screen_lock,
        "secure-boot": secure_boot.secure_boot,
        "sshd-root-login": root_login(),
        "sshd-password-login": password_login(),
        "extra-uid0-accounts": accounts.extra_uid0,
        "listeners": linux_listeners.listeners,
        "reboot-needed": reboot.reboot_needed,
        "agent-version": agent_version,
    }
)
MACOS: Table = MappingProxyType(
    {
        "disk-encrypted": mac_protection.disk_encrypted,
        "os-name": mac_system.os_name,
        "os-version": mac_system.os_version,
        "os-supported": mac_system.os_supported,
        "updates-pending": pending_count(mac_updates.pending_security),
        "updates-age-days": pending_age(mac_updates.pending_security),
        "firewall": mac_protection.firewall,
        "screen-lock": mac_screen_lock.screen_lock,
        "secure-boot": mac_protection.secure_boot,
        "sshd-root-login": mac_network.while_remote_login(root_login()),
        "sshd-password-login": mac_network.while_remote_login(password_login()),
        "extra-uid0-accounts": mac_network.extra_uid0,
        "listeners": mac_network.listeners,
        "reboot-needed": mac_updates.reboot_needed,
        "agent-version": agent_version,
    }
)
WINDOWS: Table = MappingProxyType(
    {
        "disk-encrypted": windows_protection.disk_encrypted,
        "os-name": windows_system.os_name,
        "os-version": windows_system.os_version,
        "os-supported": windows_system.os_supported,
        "updates-pending": pending_count(windows_system.pending_security),
        "updates-age-days": pending_age(windows_system.pending_security),
        "firewall": windows_protection.firewall,
        "screen-lock": windows_screen_lock.screen_lock,
        "secure-boot": windows_protection.secure_boot,
        "sshd-root-login": windows_network.root_login,
        "sshd-password-login": windows_network.password_login,
        "extra-uid0-accounts": windows_network.extra_uid0,
        "listeners": windows_network.listeners,
        "reboot-needed": windows_system.reboot_needed,
        "agent-version": agent_version,
    }
)


def _not_written(scene: Scene) -> Finding:  # noqa: ARG001
    return Finding("none", Unknown("The agent knows nothing of this platform."))


OTHER: Table = MappingProxyType(
    {**dict.fromkeys(FACTS, _not_written), "agent-version": agent_version}
)
TABLES: Mapping[Platform, Table] = MappingProxyType(
    {"linux": LINUX, "macos": MACOS, "windows": WINDOWS, "other": OTHER}
)
SLOW: Final[frozenset[FactName]] = frozenset({"updates-pending", "updates-age-days"})
"""Facts that take seconds to find; they are looked at for each regular report only."""
