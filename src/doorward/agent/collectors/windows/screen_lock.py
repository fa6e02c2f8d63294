"""screen-lock: the limit of idle time for the machine, or the screen saver of each person."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from doorward.agent.collectors.finding import MAX_IDLE_SECONDS, Finding, Scene
from doorward.agent.collectors.windows.powershell import powershell, rows
from doorward.agent.unknown import Unknown

SCREEN_LOCK: Final = (
    "$p=Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System';"
    "$u=@(Get-ChildItem Registry::HKEY_USERS | "
    "Where-Object { $_.PSChildName -match '^S-1-(5-21|12-1)-[\\d-]+$' } | ForEach-Object { "
    '$d=Get-ItemProperty "Registry::$($_.Name)\\Control Panel\\Desktop" '
    "-ErrorAction SilentlyContinue; "
    '@{Active="$($d.ScreenSaveActive)";Secure="$($d.ScreenSaverIsSecure)";'
    'Timeout="$($d.ScreenSaveTimeOut)";Saver="$($d.\'SCRNSAVE.EXE\')"} });'
    'ConvertTo-Json -Compress -Depth 4 @{Limit="$($p.InactivityTimeoutSecs)";People=$u}'
)
"""People whose registry is loaded are those who are signed in."""


class _Person(msgspec.Struct, rename="pascal"):
    active: str
    secure: str
    timeout: str
    saver: str


class _Locks(msgspec.Struct, rename="pascal"):
    limit: str
    people: list[_Person]


def screen_lock(scene: Scene) -> Finding:
    """Finding for everyone who is signed in."""
    return Finding("registry", powershell(scene, SCREEN_LOCK, parse_screen_lock))


def parse_screen_lock(text: str) -> bool | Unknown:
    """The machine's limit, or a secure screen saver of everyone who is signed in."""
    found = rows(text, _Locks)
    if isinstance(found, Unknown):
        return found
    if len(found) != 1:
        return Unknown("What PowerShell printed is not understood.")
    if _soon(found[0].limit):
        return True
    if not found[0].people:
        return Unknown("Nobody is signed in, and the machine has no limit of idle time.")
    return all(
        person.active == "1"
        and person.secure == "1"
        and bool(person.saver)
        and _soon(person.timeout)
        for person in found[0].people
    )


def _soon(seconds: str) -> bool:
    """Whether this many seconds are set, and few enough; 0 is never."""
    number = re.fullmatch(r"\d{1,9}", seconds, re.ASCII)
    return number is not None and 0 < int(number[0]) <= MAX_IDLE_SECONDS
