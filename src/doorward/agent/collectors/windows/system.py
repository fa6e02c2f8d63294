"""os-name, os-version, os-supported, updates and reboot-needed on Windows."""

from __future__ import annotations

from typing import Final

import msgspec

from doorward.agent.collectors.finding import Finding, Scene
from doorward.agent.collectors.os_support import supported
from doorward.agent.collectors.updates import Pending
from doorward.agent.collectors.versions import version
from doorward.agent.collectors.windows.powershell import powershell, rows
from doorward.agent.unknown import Unknown

SYSTEM: Final = (
    "ConvertTo-Json -Compress (Get-CimInstance Win32_OperatingSystem | "
    "Select-Object Caption,Version,ProductType)"
)
UPDATES: Final = (
    "$s=(New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher();"
    "ConvertTo-Json -Compress @($s.Search('IsInstalled=0 and IsHidden=0').Updates | "
    'ForEach-Object { @{Id=$_.Identity.UpdateID; Severity="$($_.MsrcSeverity)";'
    "Categories=@($_.Categories | ForEach-Object { $_.Name })} })"
)
REBOOT: Final = (
    "$k='HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion';ConvertTo-Json -Compress @{"
    'Servicing=(Test-Path "$k\\Component Based Servicing\\RebootPending");'
    'Update=(Test-Path "$k\\WindowsUpdate\\Auto Update\\RebootRequired")}'
)
_WORKSTATION: Final = 1
_SECURITY: Final = frozenset({"Security Updates", "Critical Updates"})
_METHOD: Final = "Win32_OperatingSystem"


class _System(msgspec.Struct, rename="pascal"):
    caption: str
    version: str
    product_type: int


class _Update(msgspec.Struct, rename="pascal"):
    id: str
    severity: str = ""
    categories: list[str] = msgspec.field(default_factory=list)


class _Reboot(msgspec.Struct, rename="pascal"):
    servicing: bool
    update: bool


def os_name(scene: Scene) -> Finding:
    """Finding of `windows` or `windows-server`."""
    system = powershell(scene, SYSTEM, parse_system)
    return Finding(_METHOD, system if isinstance(system, Unknown) else system[0])


def os_version(scene: Scene) -> Finding:
    """Finding such as `10.0.26100`: the last number is the release of Windows 11."""
    system = powershell(scene, SYSTEM, parse_system)
    return Finding(_METHOD, system if isinstance(system, Unknown) else system[1])


def os_supported(scene: Scene) -> Finding:
    """Finding from the table of `os_support`."""
    system = powershell(scene, SYSTEM, parse_system)
    if isinstance(system, Unknown):
        return Finding(_METHOD, system)
    return Finding(_METHOD, supported(*system, scene.now))


def parse_system(text: str) -> tuple[str, str] | Unknown:
    """`windows` or `windows-server`, and the version."""
    systems = rows(text, _System)
    if isinstance(systems, Unknown):
        return systems
    if len(systems) != 1:
        return Unknown("What PowerShell printed is not understood.")
    found = version(systems[0].version)
    if isinstance(found, Unknown):
        return found
    client = systems[0].product_type == _WORKSTATION
    return ("windows" if client else "windows-server"), found


def pending_security(scene: Scene) -> tuple[str, Pending | Unknown]:
    """What Windows Update finds that is not installed."""
    return "Microsoft.Update", powershell(scene, UPDATES, parse_updates, timeout_seconds=300)


def parse_updates(text: str) -> Pending | Unknown:
    """Updates with a severity, or in a category of security or critical updates."""
    updates = rows(text, _Update)
    if isinstance(updates, Unknown):
        return updates
    return frozenset(
        item.id for item in updates if item.severity or not _SECURITY.isdisjoint(item.categories)
    )


def reboot_needed(scene: Scene) -> Finding:
    """Finding from the keys that servicing and Windows Update leave."""
    return Finding("registry", powershell(scene, REBOOT, parse_reboot))


def parse_reboot(text: str) -> bool | Unknown:
    """Whether one of the keys is there."""
    found = rows(text, _Reboot)
    if isinstance(found, Unknown):
        return found
    if len(found) != 1:
        return Unknown("What PowerShell printed is not understood.")
    return found[0].servicing or found[0].update
