"""Recorded in our own words: short, and shaped as PowerShell prints JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from doorward.agent.collectors.windows.network import SOCKETS, SSHD
from doorward.agent.collectors.windows.powershell import POWERSHELL
from doorward.agent.collectors.windows.protection import BITLOCKER, FIREWALL, SECURE_BOOT
from doorward.agent.collectors.windows.screen_lock import SCREEN_LOCK
from doorward.agent.collectors.windows.system import REBOOT, SYSTEM, UPDATES
from doorward.agent.machine import Output
from doorward.model.posture import FACTS, FactName
from tests.fakes.machine import RecordedMachine, found

VOLUME = {"MountPoint": "C:", "Protection": "On", "Volume": "FullyEncrypted"}
PROFILES = [
    {"Name": name, "Enabled": "True", "Inbound": "NotConfigured"}
    for name in ("Domain", "Private", "Public")
]
PERSON = {"Active": "1", "Secure": "1", "Timeout": "600", "Saver": "scrnsave.scr"}
CLIENT = {"Caption": "Windows 11 Pro", "Version": "10.0.26200", "ProductType": 1}
PROTECTED: dict[str, Any] = {
    BITLOCKER: [VOLUME],
    FIREWALL: PROFILES,
    SECURE_BOOT: True,
    SYSTEM: CLIENT,
    UPDATES: [],
    REBOOT: {"Servicing": False, "Update": False},
    SCREEN_LOCK: {"Limit": "900", "People": []},
    SOCKETS: [
        {"Protocol": "tcp", "Address": "::", "Port": 445},
        {"Protocol": "tcp", "Address": "127.0.0.1", "Port": 5000},
        {"Protocol": "udp", "Address": "0.0.0.0", "Port": 123},
    ],
    SSHD: {"Running": False, "Config": ""},
}
EXPECTED: dict[FactName, Any] = {
    "disk-encrypted": True,
    "os-name": "windows",
    "os-version": "10.0.26200",
    "os-supported": True,
    "updates-pending": 0,
    "updates-age-days": 0,
    "firewall": True,
    "screen-lock": True,
    "secure-boot": True,
    "sshd-root-login": False,
    "sshd-password-login": False,
    "extra-uid0-accounts": 0,
    "listeners": ("tcp/445", "udp/123"),
    "reboot-needed": False,
}


def value(name: FactName, changed: dict[str, Any] | None = None) -> Any:
    answers = {**PROTECTED, **(changed or {})}
    shell = " ".join(POWERSHELL)
    commands = {
        f"{shell} $ErrorActionPreference='Stop'; {script}": (
            answer if isinstance(answer, Output) else f"{json.dumps(answer)}\r\n"
        )
        for script, answer in answers.items()
    }
    return found("windows", RecordedMachine(commands), name).value


def test_a_protected_pc_shows_every_fact() -> None:
    assert {name: value(name) for name in EXPECTED} == EXPECTED
    assert EXPECTED.keys() | {"agent-version"} == FACTS.keys()


UPDATE = {"Id": "a", "Severity": "", "Categories": ["Definition Updates"]}
CONFIG = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"


@pytest.mark.parametrize(
    ("name", "script", "answer", "expected"),
    [
        ("disk-encrypted", BITLOCKER, VOLUME, True),
        ("disk-encrypted", BITLOCKER, [VOLUME, VOLUME | {"Protection": "Off"}], False),
        ("disk-encrypted", BITLOCKER, VOLUME | {"Volume": "EncryptionInProgress"}, False),
        ("disk-encrypted", BITLOCKER, [], None),
        ("disk-encrypted", BITLOCKER, Output(1, "", "Access denied"), None),
        ("firewall", FIREWALL, [PROFILES[0] | {"Enabled": "False"}, *PROFILES[1:]], False),
        ("firewall", FIREWALL, [PROFILES[0] | {"Inbound": "Allow"}, *PROFILES[1:]], False),
        ("firewall", FIREWALL, PROFILES[:2], None),
        ("secure-boot", SECURE_BOOT, False, False),
        ("secure-boot", SECURE_BOOT, "perhaps", None),
        ("secure-boot", SECURE_BOOT, Output(1, "", "Cmdlet not supported"), None),
        ("os-supported", SYSTEM, CLIENT | {"Version": "10.0.19045"}, False),
        ("os-supported", SYSTEM, CLIENT | {"Version": "10.0.99999"}, None),
        ("os-name", SYSTEM, CLIENT | {"ProductType": 3}, "windows-server"),
        ("os-supported", SYSTEM, CLIENT | {"Version": "10.0.17763", "ProductType": 3}, True),
        ("os-version", SYSTEM, CLIENT | {"Version": "NT"}, None),
        ("updates-pending", UPDATES, [UPDATE], 0),
        ("updates-pending", UPDATES, [UPDATE | {"Severity": "Critical"}], 1),
        ("updates-pending", UPDATES, UPDATE | {"Categories": ["Security Updates"]}, 1),
        ("updates-pending", UPDATES, Output(1, "", "0x8024"), None),
        ("reboot-needed", REBOOT, {"Servicing": False, "Update": True}, True),
        ("reboot-needed", REBOOT, [], None),
        ("screen-lock", SCREEN_LOCK, {"Limit": "", "People": [PERSON]}, True),
        ("screen-lock", SCREEN_LOCK, {"Limit": "0", "People": [PERSON | {"Secure": "0"}]}, False),
        ("screen-lock", SCREEN_LOCK, {"Limit": "", "People": [PERSON | {"Saver": ""}]}, False),
        ("screen-lock", SCREEN_LOCK, {"Limit": "", "People": [PERSON | {"Timeout": "0"}]}, False),
        ("screen-lock", SCREEN_LOCK, {"Limit": "1800", "People": []}, None),
        ("sshd-root-login", SSHD, {"Running": True, "Config": CONFIG}, None),
        ("sshd-password-login", SSHD, {"Running": True, "Config": CONFIG}, False),
        ("sshd-password-login", SSHD, {"Running": True, "Config": ""}, True),
        (
            "sshd-password-login",
            SSHD,
            {"Running": True, "Config": f"{CONFIG}Match User x\nPasswordAuthentication yes\n"},
            True,
        ),
        ("sshd-password-login", SSHD, {"Running": True, "Config": f"Include x\n{CONFIG}"}, None),
        ("listeners", SOCKETS, {"Protocol": "sctp", "Address": "::", "Port": 1}, None),
    ],
)
def test_each_answer_has_its_value(name: FactName, script: str, answer: Any, expected: Any) -> None:
    assert value(name, {script: answer}) == expected
