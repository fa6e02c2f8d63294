"""Facts of Windows."""

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

DISKS: Final = "SELECT drive_letter, protection_status, conversion_status FROM bitlocker_info"
SYSTEM: Final = "SELECT name, version FROM os_version"
FIREWALL: Final = "SELECT firewall FROM windows_security_center"
SCREEN_LOCK: Final = (
    "SELECT 'asked' AS what, '' AS data UNION ALL SELECT 'limit', data FROM registry WHERE path = "
    r"'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
    r"\InactivityTimeoutSecs'"
)
SSHD: Final = (
    "SELECT 'asked' AS what, '' AS status UNION ALL "
    "SELECT 'service', status FROM services WHERE name = 'sshd'"
)
REBOOT: Final = (
    "SELECT 'asked' AS what, '' AS name UNION ALL SELECT 'key', name FROM registry WHERE key IN ("
    r"'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update', "
    r"'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing')"
)

MAX_IDLE_SECONDS: Final = 15 * 60
"""A screen that locks later than this after the last touch does not count as locking."""

_HEALTH: Mapping[str, bool] = {
    "Good": True,
    "Poor": False,
    "Snoozed": False,
    "Not Monitored": False,
}
_FULLY_ENCRYPTED: Final = "1"
_WAITING: Final = frozenset({"RebootRequired", "RebootPending"})


def disk_encrypted(rows: Sequence[Row]) -> Answer:
    """Whether BitLocker protects every drive, and has finished with it."""
    return every(
        [
            answer
            for row in rows
            for answer in (
                flag(row.get("protection_status", "")),
                row.get("conversion_status", "") == _FULLY_ENCRYPTED,
            )
        ]
    )


def system(rows: Sequence[Row]) -> Mapping[FactName, Answer]:
    """`windows` or `windows-server`, and such as `10.0.26100`."""
    if len(rows) != 1 or "Windows" not in rows[0].get("name", ""):
        return {"os-name": UNCLEAR, "os-version": UNCLEAR}
    server = "Server" in rows[0].get("name", "")
    return {
        "os-name": "windows-server" if server else "windows",
        "os-version": version(rows[0].get("version", "")),
    }


def firewall(rows: Sequence[Row]) -> Answer:
    """What the Security Center says."""
    return _HEALTH.get(rows[0].get("firewall", ""), UNCLEAR) if len(rows) == 1 else NOTHING


def screen_lock(rows: Sequence[Row]) -> Answer:
    """The machine's limit of idle time; what people set for themselves is not seen."""
    limits = labelled(rows, "limit")
    if not labelled(rows, ASKED) or len(limits) > 1:
        return NOTHING
    seconds = limits[0].get("data", "") if limits else ""
    if re.fullmatch(r"\d{1,9}", seconds, re.ASCII) and 0 < int(seconds) <= MAX_IDLE_SECONDS:
        return True
    return Unknown("The machine has no limit of idle time, and osquery sees no person's own.")


def sshd(rows: Sequence[Row]) -> Mapping[FactName, Answer]:
    """False where no SSH server runs; what a running one lets in is not seen."""
    answer: Answer = False
    if not labelled(rows, ASKED):
        answer = NOTHING
    elif any(row.get("status") != "STOPPED" for row in labelled(rows, "service")):
        answer = Unknown("An SSH server runs, and osquery does not read its configuration.")
    return {"sshd-root-login": answer, "sshd-password-login": answer}


def reboot_needed(rows: Sequence[Row]) -> Answer:
    """Whether servicing or Windows Update left its key. Without any key nothing was looked at."""
    keys = {row.get("name", "") for row in labelled(rows, "key")}
    if not labelled(rows, ASKED) or not keys:
        return NOTHING
    return not keys.isdisjoint(_WAITING)
