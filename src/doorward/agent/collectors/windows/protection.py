"""disk-encrypted, firewall, secure-boot: BitLocker, the firewall's profiles, the firmware."""

from __future__ import annotations

from typing import Final

import msgspec

from doorward.agent.collectors.finding import Finding, Scene
from doorward.agent.collectors.windows.powershell import powershell, rows
from doorward.agent.unknown import Unknown

BITLOCKER: Final = (
    "ConvertTo-Json -Compress @(Get-BitLockerVolume | Select-Object MountPoint,"
    "@{n='Protection';e={\"$($_.ProtectionStatus)\"}},@{n='Volume';e={\"$($_.VolumeStatus)\"}})"
)
FIREWALL: Final = (
    "ConvertTo-Json -Compress @(Get-NetFirewallProfile -PolicyStore ActiveStore | "
    "Select-Object Name,@{n='Enabled';e={\"$($_.Enabled)\"}},"
    "@{n='Inbound';e={\"$($_.DefaultInboundAction)\"}})"
)
SECURE_BOOT: Final = "ConvertTo-Json -Compress (Confirm-SecureBootUEFI)"
_PROFILES: Final = frozenset({"Domain", "Private", "Public"})


class _Volume(msgspec.Struct, rename="pascal"):
    mount_point: str
    protection: str
    volume: str


class _Profile(msgspec.Struct, rename="pascal"):
    name: str
    enabled: str
    inbound: str


def disk_encrypted(scene: Scene) -> Finding:
    """Finding of BitLocker."""
    return Finding("Get-BitLockerVolume", powershell(scene, BITLOCKER, parse_bitlocker))


def firewall(scene: Scene) -> Finding:
    """Finding of the rules in force, group policy included."""
    return Finding("Get-NetFirewallProfile", powershell(scene, FIREWALL, parse_profiles))


def secure_boot(scene: Scene) -> Finding:
    """The command fails where the machine did not start by UEFI: unknown."""
    return Finding("Confirm-SecureBootUEFI", powershell(scene, SECURE_BOOT, parse_flag))


def parse_bitlocker(text: str) -> bool | Unknown:
    """Every volume is fully encrypted, and its protection is not suspended."""
    volumes = rows(text, _Volume)
    if isinstance(volumes, Unknown):
        return volumes
    if not volumes:
        return Unknown("BitLocker names no volume.")
    return all(item.protection == "On" and item.volume == "FullyEncrypted" for item in volumes)


def parse_profiles(text: str) -> bool | Unknown:
    """Every profile is on and refuses by default; NotConfigured is Windows' default, to refuse."""
    profiles = rows(text, _Profile)
    if isinstance(profiles, Unknown):
        return profiles
    if {profile.name for profile in profiles} != _PROFILES:
        return Unknown("The profiles of the firewall are not those that are known.")
    return all(
        item.enabled == "True" and item.inbound in {"Block", "NotConfigured"} for item in profiles
    )


def parse_flag(text: str) -> bool | Unknown:
    """JSON true or false."""
    answers = {"true": True, "false": False}
    found = answers.get(text.strip())
    return Unknown("What PowerShell printed is not understood.") if found is None else found
