"""disk-encrypted, firewall, secure-boot: FileVault, the application firewall, the boot policy."""

from __future__ import annotations

import re
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, ask
from doorward.agent.unknown import Unknown

FDESETUP: Final = ("fdesetup", "status")
SOCKETFILTERFW: Final = ("/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate")
BPUTIL: Final = ("bputil", "--display-policy")
CSRUTIL: Final = ("csrutil", "status")


def disk_encrypted(scene: Scene) -> Finding:
    """Finding of FileVault."""
    return Finding("fdesetup", ask(scene.machine, FDESETUP, parse_fdesetup))


def firewall(scene: Scene) -> Finding:
    """Finding of the application firewall."""
    return Finding("socketfilterfw", ask(scene.machine, SOCKETFILTERFW, parse_socketfilterfw))


def secure_boot(scene: Scene) -> Finding:
    """Full Security and System Integrity Protection; bputil is for root, on Apple silicon."""
    policy = ask(scene.machine, BPUTIL, parse_bputil, timeout_seconds=30)
    integrity = ask(scene.machine, CSRUTIL, parse_csrutil)
    answers = (policy, integrity)
    if False in answers:
        return Finding("bputil", answer=False)
    unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
    return Finding("bputil", unknown or True)


def parse_fdesetup(text: str) -> bool | Unknown:
    """`FileVault is On.`, and nothing still being encrypted or decrypted."""
    found = re.search(r"^FileVault is (On|Off)\b", text, re.MULTILINE)
    if found is None:
        return Unknown("What fdesetup printed is not understood.")
    return found[1] == "On" and re.search(r"(?i)(en|de)cryption in progress", text) is None


def parse_socketfilterfw(text: str) -> bool | Unknown:
    """State 0 is off, 1 on, 2 blocks all incoming connections."""
    found = re.search(r"\(State = ([0-2])\)", text)
    return found[1] != "0" if found else Unknown("What socketfilterfw printed is not understood.")


def parse_bputil(text: str) -> bool | Unknown:
    """Full Security, and no lesser mode."""
    found = re.search(r"^Security Mode:\s*(Full|Reduced|Permissive)\b", text, re.MULTILINE)
    return found[1] == "Full" if found else Unknown("What bputil printed is not understood.")


def parse_csrutil(text: str) -> bool | Unknown:
    """Whether System Integrity Protection is enabled, wholly."""
    found = re.search(r"System Integrity Protection status: (enabled|disabled|unknown)\b", text)
    if found is None or found[1] == "unknown":
        return Unknown("The state of System Integrity Protection is not known.")
    return found[1] == "enabled"
