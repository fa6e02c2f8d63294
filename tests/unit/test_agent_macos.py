"""Recorded in our own words: short, and shaped as macOS prints it."""

from __future__ import annotations

from typing import Any

import pytest

from doorward.agent.machine import Output
from doorward.model.posture import FACTS, FactName
from tests.fakes.machine import RecordedMachine, found

PROTECTED: dict[str, str | Output] = {
    "fdesetup status": "FileVault is On.\n",
    "sw_vers -productVersion": "15.7.4\n",
    "softwareupdate --list": Output(0, "Looking around\n", "No new software available.\n"),
    "/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate": (
        "Firewall is enabled. (State = 1)\n"
    ),
    "sysadminctl -screenLock status": Output(0, "", "screenLock delay is immediate\n"),
    "defaults -currentHost read com.apple.screensaver idleTime": "600\n",
    "bputil --display-policy": "Local policy\nSecurity Mode:               Full\n",
    "csrutil status": "System Integrity Protection status: enabled.\n",
    "systemsetup -getremotelogin": "Remote Login: Off\n",
    "dscl . -list /Users UniqueID": "_www    70\nalice   501\nroot    0\n",
    "netstat -an -p tcp": (
        "Active Internet connections\nProto Recv-Q Send-Q Local Foreign (state)\n"
        "tcp4 0 0 *.22 *.* LISTEN\ntcp6 0 0 ::1.631 *.* LISTEN\n"
        "tcp4 0 0 192.0.2.7.50000 198.51.100.1.443 ESTABLISHED\n"
    ),
    "netstat -an -p udp": "Proto Local Foreign\nudp4 0 0 *.5353 *.*\nudp4 0 0 *.* *.*\n",
}
EXPECTED: dict[FactName, Any] = {
    "disk-encrypted": True,
    "os-name": "macos",
    "os-version": "15.7.4",
    "os-supported": True,
    "updates-pending": 0,
    "updates-age-days": 0,
    "firewall": True,
    "screen-lock": True,
    "secure-boot": True,
    "sshd-root-login": False,
    "sshd-password-login": False,
    "extra-uid0-accounts": 0,
    "listeners": ("tcp/22", "udp/5353"),
    "reboot-needed": None,
}


def value(name: FactName, **changed: str | Output) -> Any:
    commands = dict(PROTECTED)
    for part, text in changed.items():
        [line] = [line for line in commands if part in line]
        commands[line] = text
    return found("macos", RecordedMachine(commands, SSHD_FILES), name).value


SSHD_FILES = {
    "/usr/sbin/sshd": "",
    "/etc/ssh/sshd_config": "UsePAM yes\nPermitRootLogin no\n",
}


def test_a_protected_mac_shows_every_fact() -> None:
    assert {name: value(name) for name in EXPECTED} == EXPECTED
    assert EXPECTED.keys() | {"agent-version"} == FACTS.keys()


@pytest.mark.parametrize(
    ("name", "command", "text", "expected"),
    [
        ("disk-encrypted", "fdesetup", "FileVault is Off.\n", False),
        (
            "disk-encrypted",
            "fdesetup",
            "FileVault is On.\nEncryption in progress: Percent completed = 12\n",
            False,
        ),
        ("disk-encrypted", "fdesetup", "Error: not permitted\n", None),
        ("os-supported", "sw_vers", "13.7\n", False),
        ("os-supported", "sw_vers", "99.1\n", None),
        ("os-version", "sw_vers", "beta\n", None),
        ("firewall", "socketfilterfw", "Firewall is disabled. (State = 0)\n", False),
        ("firewall", "socketfilterfw", "Firewall is a mystery\n", None),
        ("screen-lock", "sysadminctl", Output(0, "", "screenLock is off\n"), False),
        ("screen-lock", "sysadminctl", Output(0, "", "screenLock delay is 900 seconds\n"), False),
        ("screen-lock", "sysadminctl", Output(0, "", "screenLock delay is 300 seconds\n"), True),
        ("screen-lock", "sysadminctl", Output(0, "", "who asks?\n"), None),
        ("screen-lock", "idleTime", "0\n", False),
        ("screen-lock", "idleTime", Output(1, "", "does not exist"), None),
        ("secure-boot", "bputil", "Security Mode:   Reduced\n", False),
        ("secure-boot", "bputil", Output(1, "", "must be root"), None),
        ("secure-boot", "csrutil", "System Integrity Protection status: disabled.\n", False),
        ("secure-boot", "csrutil", "System Integrity Protection status: unknown (Custom).\n", None),
        ("sshd-root-login", "systemsetup", "You need administrator access\n", None),
        ("sshd-root-login", "systemsetup", "Remote Login: On\n", False),
        ("sshd-password-login", "systemsetup", "Remote Login: On\n", True),
        ("extra-uid0-accounts", "dscl", "root 0\ntoor 0\n", 1),
        ("extra-uid0-accounts", "dscl", "alice 501\n", None),
        ("listeners", "tcp", "nothing\n", None),
        ("updates-pending", "softwareupdate", Output(0, "", "cannot connect\n"), None),
        ("updates-pending", "softwareupdate", Output(1, "", ""), None),
    ],
)
def test_each_answer_has_its_value(
    name: FactName, command: str, text: str | Output, expected: Any
) -> None:
    assert value(name, **{command: text}) == expected


def test_recommended_updates_are_counted() -> None:
    listing = (
        "Software Update found the following:\n"
        "* Label: macOS 15.7.5-24H1\n"
        "\tTitle: macOS 15.7.5, Size: 3000KiB, Recommended: YES, Action: restart,\n"
        "* Label: Printer drivers\n"
        "\tTitle: Printer drivers, Size: 10KiB, Recommended: NO,\n"
    )
    assert value("updates-pending", softwareupdate=listing) == 1
