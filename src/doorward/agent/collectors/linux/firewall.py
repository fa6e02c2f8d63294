"""firewall: whether the kernel refuses what comes in unasked.

The kernel's rules count: nftables, which shows those of ufw, firewalld and iptables-nft as well,
or iptables. What ufw and firewalld say of themselves counts where neither can be asked.
"""

from __future__ import annotations

import re
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, ask, first_known
from doorward.agent.collectors.linux.nftables import NFT, refuses_unasked
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

IPTABLES: Final = ("iptables", "-S", "INPUT")
IP6TABLES: Final = ("ip6tables", "-S", "INPUT")
UFW: Final = ("ufw", "status", "verbose")
FIREWALLD: Final = ("firewall-cmd", "--get-default-zone")
_REFUSALS: Final = frozenset({"DROP", "REJECT"})
_OPEN_ZONES: Final = frozenset({"trusted"})


def firewall(scene: Scene) -> Finding:
    """Finding of the kernel's rules, whichever kind refuses; else of what the programs say."""
    machine = scene.machine
    rules = [
        Finding("nft", ask(machine, NFT, refuses_unasked)),
        Finding("iptables", _iptables(machine)),
    ]
    refusing = [finding for finding in rules if finding.answer is True]
    words = [
        Finding("ufw", ask(machine, UFW, parse_ufw)),
        Finding("firewalld", ask(machine, FIREWALLD, parse_firewalld)),
    ]
    return (refusing or [first_known([*rules, *words])])[0]


def _iptables(machine: Machine) -> bool | Unknown:
    answers = [ask(machine, argv, parse_iptables) for argv in (IPTABLES, IP6TABLES)]
    if False in answers:
        return False
    return next((answer for answer in answers if isinstance(answer, Unknown)), True)


def parse_iptables(text: str) -> bool | Unknown:
    """`iptables -S INPUT`: the policy, or a last rule without a condition."""
    policy = None
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["-P", "INPUT"]:
            policy = words[2] if len(words) > 2 else None  # noqa: PLR2004
        elif words[:3] == ["-A", "INPUT", "-j"] and len(words) > 3:  # noqa: PLR2004
            if words[3] in _REFUSALS:
                return policy is not None or Unknown("What iptables printed is not understood.")
            if words[3] == "ACCEPT":
                return False
    if policy is None:
        return Unknown("What iptables printed is not understood.")
    return policy in _REFUSALS


def parse_ufw(text: str) -> bool | Unknown:
    """`ufw status verbose`: active, and what it does with what comes in by default."""
    status = re.search(r"^Status: (\w+)$", text, re.MULTILINE)
    default = re.search(r"^Default: (\w+) \(incoming\)", text, re.MULTILINE)
    if status is None:
        return Unknown("What ufw printed is not understood.")
    if status[1] != "active":
        return False
    if default is None:
        return Unknown("What ufw printed is not understood.")
    return default[1] in {"deny", "reject"}


def parse_firewalld(text: str) -> bool | Unknown:
    """The default zone of a running firewalld; each but `trusted` refuses what is not listed."""
    zone = text.strip()
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", zone) is None:
        return Unknown("What firewall-cmd printed is not understood.")
    return zone not in _OPEN_ZONES
