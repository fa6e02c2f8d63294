"""firewall: whether the kernel refuses what comes in unasked.

The kernel's rules count: nftables, which shows those of ufw, firewalld and iptables-nft as well,
or iptables. What ufw and firewalld say of themselves counts where neither can be asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, ask, first_known
from doorward.agent.collectors.linux.nftables import NFT, refuses_unasked
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

IPTABLES: Final = ("iptables", "-S")
IP6TABLES: Final = ("ip6tables", "-S")
UFW: Final = ("ufw", "status", "verbose")
FIREWALLD: Final = ("firewall-cmd", "--get-default-zone")
_REFUSALS: Final = frozenset({"DROP", "REJECT"})
_ACCEPTS: Final = frozenset({"ACCEPT", "NFQUEUE", "QUEUE"})
"""What a program behind a queue says is not known: it may accept."""
_COMMENT: Final = re.compile(r' -m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)')
_MAX_JUMPS: Final = 16
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
    """`iptables -S`: the policy, or what stands before it without a condition, jumps followed."""
    policy = ""
    rules: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        words = _COMMENT.sub("", line).split()
        if words[:2] == ["-P", "INPUT"] and len(words) > 2:  # noqa: PLR2004
            policy = words[2]
        elif words[:1] == ["-A"] and len(words) > 3:  # noqa: PLR2004
            rules.setdefault(words[1], []).append(words[2:])
    if not policy:
        return Unknown("What iptables printed is not understood.")
    return (_verdict("INPUT", rules, 0) or policy) in _REFUSALS


def _verdict(chain: str, rules: Mapping[str, Sequence[Sequence[str]]], depth: int) -> str | None:
    """The first verdict that no condition stands before; None where a chain has none."""
    if depth > _MAX_JUMPS:
        return "ACCEPT"
    for how, target, *_ in rules.get(chain, ()):
        if how not in {"-j", "-g"}:
            continue
        if target == "RETURN":
            return None
        if target in _REFUSALS or target in _ACCEPTS:
            return target
        verdict = _verdict(target, rules, depth + 1)
        if verdict is not None or how == "-g":
            return verdict
    return None


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
