"""Facts of macOS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from doorward.administrator.osquery.facts.reading import (
    NOTHING,
    UNCLEAR,
    Answer,
    Unknown,
    every,
    flag,
    version,
)
from doorward.model.posture import FactName
from doorward.protocol.osquery import Row

DISKS: Final = (
    "SELECT m.path, d.filevault_status FROM mounts AS m "
    "JOIN disk_encryption AS d ON d.name = m.device "
    "WHERE m.path IN ('/', '/System/Volumes/Data')"
)
SYSTEM: Final = "SELECT version FROM os_version WHERE platform = 'darwin'"
SECURE_BOOT: Final = (
    "SELECT s.description, s.secure_mode, c.enabled FROM secureboot AS s, sip_config AS c "
    "WHERE c.config_flag = 'sip'"
)
FIREWALL: Final = "SELECT global_state FROM alf"

_FILEVAULT: Mapping[str, bool] = {"on": True, "off": False}
_STATES: Mapping[str, bool] = {"0": False, "1": True, "2": True}
_SECURITY: Mapping[str, bool] = {
    "Full Security": True,
    "Reduced Security": False,
    "Permissive Security": False,
}
_MODES: Mapping[str, bool] = {"0": False, "1": True, "2": False}
"""Of an Intel Mac with a T2: off, full, medium."""


def disk_encrypted(rows: Sequence[Row]) -> Answer:
    """Whether FileVault is on for the system and what people keep."""
    return every([_FILEVAULT.get(row.get("filevault_status", ""), UNCLEAR) for row in rows])


def system(rows: Sequence[Row]) -> Mapping[FactName, Answer]:
    """Such as `macos` and `15.7.4`."""
    if len(rows) != 1:
        return {"os-name": UNCLEAR, "os-version": UNCLEAR}
    return {"os-name": "macos", "os-version": version(rows[0].get("version", ""))}


def secure_boot(rows: Sequence[Row]) -> Answer:
    """Full Security, and System Integrity Protection."""
    if len(rows) != 1:
        return NOTHING
    row = rows[0]
    described = row.get("description", "")
    level: bool | Unknown = (
        _SECURITY.get(described, UNCLEAR)
        if described
        else _MODES.get(row.get("secure_mode", ""), UNCLEAR)
    )
    return every([level, flag(row.get("enabled", ""))])


def firewall(rows: Sequence[Row]) -> Answer:
    """Whether the application firewall is on."""
    return _STATES.get(rows[0].get("global_state", ""), UNCLEAR) if len(rows) == 1 else NOTHING
