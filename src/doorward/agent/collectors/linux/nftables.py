"""Whether an nftables rule set refuses what comes in unasked (nft(8), libnftables-json(5)).

A base chain on the input hook refuses where its policy is drop, or where its last word without a
condition is drop or reject, as firewalld writes it; and where no rule without a condition accepts
before. The kernel asks no chain of a dormant table. IPv4 and IPv6 must both be covered. What rules
with a condition let in is not judged: `listeners` says what could be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from doorward.agent.unknown import Unknown

NFT: Final = ("nft", "-j", "list", "ruleset")
_PASSIVE: Final = frozenset({"counter", "log", "comment", "mangle", "notrack"})
_REFUSALS: Final = frozenset({"drop", "reject"})
_FINAL: Final[Mapping[str, str | None]] = {
    "accept": "accept",
    "drop": "drop",
    "queue": "accept",
    "reject": "reject",
    "return": None,
}
"""Verdicts that end a chain. What a program behind a queue says is not known: it may accept."""
_FAMILIES: Mapping[str, frozenset[str]] = {
    "inet": frozenset({"ip", "ip6"}),
    "ip": frozenset({"ip"}),
    "ip6": frozenset({"ip6"}),
}
_MAX_JUMPS: Final = 16

_ChainId = tuple[str, str, str]


def refuses_unasked(text: str) -> bool | Unknown:
    """What `nft -j list ruleset` says."""
    try:
        entries = msgspec.json.decode(text)["nftables"]
        chains = [entry["chain"] for entry in entries if "chain" in entry]
        asleep = [
            (table["family"], table["name"])
            for entry in entries
            if (table := entry.get("table")) and "dormant" in table.get("flags", ())
        ]
        rules: dict[_ChainId, list[list[Any]]] = {}
        for entry in entries:
            if "rule" in entry:
                rule = entry["rule"]
                key = (rule["family"], rule["table"], rule["chain"])
                rules.setdefault(key, []).append(list(rule["expr"]))
        covered: set[str] = set()
        for chain in chains:
            if chain.get("hook") == "input" and chain.get("type") == "filter":
                key = (chain["family"], chain["table"], chain["name"])
                if key[:2] in asleep:
                    continue
                last = _verdict(key, rules, 0) or chain.get("policy", "accept")
                if last in _REFUSALS:
                    covered |= _FAMILIES.get(chain["family"], frozenset())
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, RecursionError):
        return Unknown("What nft printed is not understood.")
    return covered == _FAMILIES["inet"]


def _verdict(
    chain: _ChainId, rules: Mapping[_ChainId, Sequence[Sequence[Any]]], depth: int
) -> str | None:
    """The first verdict that no condition stands before; None where a chain has none."""
    if depth > _MAX_JUMPS:
        return "accept"
    for expressions in rules.get(chain, ()):
        name, argument = _unconditional(expressions)
        if name in _FINAL:
            return _FINAL[name]
        if name in {"jump", "goto"}:
            verdict = _verdict((*chain[:2], argument["target"]), rules, depth + 1)
            if verdict is not None or name == "goto":
                return verdict
    return None


def _unconditional(expressions: Sequence[Any]) -> tuple[str, Any]:
    """The statement that a rule comes to for every packet; empty where it has a condition."""
    for expression in expressions:
        if not isinstance(expression, dict):
            break
        for name, argument in expression.items():
            if name not in _PASSIVE:
                return name, argument
    return "", None
