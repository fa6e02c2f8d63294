"""sshd-*, listeners and extra-uid0-accounts on Windows."""

from __future__ import annotations

from typing import Final

import msgspec

from doorward.agent.collectors.finding import Finding, Scene
from doorward.agent.collectors.ports import reachable
from doorward.agent.collectors.sshd import Setting, parse_lines, password_allowed
from doorward.agent.collectors.windows.powershell import powershell, rows
from doorward.agent.unknown import Unknown

SOCKETS: Final = (
    "$t=@(Get-NetTCPConnection -State Listen | ForEach-Object "
    "{ @{Protocol='tcp';Address=$_.LocalAddress;Port=$_.LocalPort} });"
    "$u=@(Get-NetUDPEndpoint | ForEach-Object "
    "{ @{Protocol='udp';Address=$_.LocalAddress;Port=$_.LocalPort} });"
    "ConvertTo-Json -Compress @($t+$u)"
)
SSHD: Final = (
    "$s=Get-Service sshd -ErrorAction SilentlyContinue;"
    '$f="$env:ProgramData\\ssh\\sshd_config";ConvertTo-Json -Compress @{'
    "Running=($null -ne $s -and \"$($s.Status)\" -eq 'Running');"
    'Config="$(if (Test-Path $f) { Get-Content -Raw $f })"}'
)


class _Socket(msgspec.Struct, rename="pascal"):
    protocol: str
    address: str
    port: int


class _Sshd(msgspec.Struct, rename="pascal"):
    running: bool
    config: str


def listeners(scene: Scene) -> Finding:
    """Finding of TCP and UDP, over IPv4 and IPv6."""
    return Finding("Get-NetTCPConnection", powershell(scene, SOCKETS, parse_sockets))


def parse_sockets(text: str) -> tuple[str, ...] | Unknown:
    """A list of protocol, address and port."""
    sockets = rows(text, _Socket)
    if isinstance(sockets, Unknown):
        return sockets
    if any(item.protocol not in {"tcp", "udp"} for item in sockets):
        return Unknown("What PowerShell printed is not understood.")
    return reachable((item.protocol, item.address, item.port) for item in sockets)


def root_login(scene: Scene) -> Finding:
    """Windows has no root; where an SSH server runs, who it lets in as administrator is unknown."""
    running = powershell(scene, SSHD, _sshd)
    if isinstance(running, Unknown):
        return Finding("Get-Service", running)
    if running.running:
        return Finding("Get-Service", Unknown("Which administrators sshd lets in is not known."))
    return Finding("Get-Service", answer=False)


def password_login(scene: Scene) -> Finding:
    """Finding from the service, and from its configuration."""
    return Finding("sshd_config", powershell(scene, SSHD, parse_password_login))


def parse_password_login(text: str) -> bool | Unknown:
    """False where no SSH server runs. `Include` is not followed: with one, it is unknown."""
    sshd = _sshd(text)
    if isinstance(sshd, Unknown):
        return sshd
    if not sshd.running:
        return False
    lines = list(parse_lines(sshd.config))
    if any(key == "include" for key, _ in lines):
        return Unknown("The configuration of sshd includes other files.")
    settings = []
    conditional = False
    for key, value in lines:
        conditional = value.lower() != "all" if key == "match" else conditional
        settings.append(Setting(key, value.split(" ")[0].lower(), conditional))
    return password_allowed(settings)


def _sshd(text: str) -> _Sshd | Unknown:
    found = rows(text, _Sshd)
    if isinstance(found, Unknown):
        return found
    return found[0] if len(found) == 1 else Unknown("What PowerShell printed is not understood.")


def extra_uid0(scene: Scene) -> Finding:  # noqa: ARG001
    """Windows gives no two accounts one id: there is never another."""
    return Finding("windows", answer=0)
