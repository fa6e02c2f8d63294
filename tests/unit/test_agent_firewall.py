from __future__ import annotations

import json
from typing import Any

import pytest

from doorward.agent.collectors.linux.firewall import parse_iptables
from doorward.agent.collectors.linux.nftables import NFT, refuses_unasked
from doorward.agent.machine import Output
from doorward.agent.unknown import Unknown
from tests.fakes.machine import RecordedMachine, found


def chain(family: str = "inet", policy: str = "drop", name: str = "input") -> dict[str, Any]:
    return {
        "chain": {
            "family": family,
            "table": "filter",
            "name": name,
            "hook": "input",
            "type": "filter",
            "policy": policy,
        }
    }


def rule(*expressions: dict[str, Any], chain: str = "input", family: str = "inet") -> Any:
    return {
        "rule": {"family": family, "table": "filter", "chain": chain, "expr": list(expressions)}
    }


def ruleset(*entries: dict[str, Any]) -> str:
    return json.dumps({"nftables": [{"metainfo": {"json_schema_version": 1}}, *entries]})


MATCH: dict[str, Any] = {"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}}
ACCEPT: dict[str, Any] = {"accept": None}
DROP: dict[str, Any] = {"drop": None}
REJECT: dict[str, Any] = {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}
COUNTER: dict[str, Any] = {"counter": {"packets": 1, "bytes": 60}}


def jump(target: str) -> dict[str, Any]:
    return {"jump": {"target": target}}


@pytest.mark.parametrize(
    "entries",
    [
        [chain()],
        [chain(), rule(MATCH, ACCEPT)],
        [chain("ip"), chain("ip6")],
        [chain(policy="accept"), rule(MATCH, ACCEPT), rule(REJECT)],
        [chain(policy="accept"), rule(COUNTER, DROP)],
        [chain(policy="accept"), rule(jump("own")), rule(COUNTER, DROP, chain="own")],
        [chain(policy="accept"), rule(DROP), rule(ACCEPT)],
    ],
    ids=["policy", "exceptions", "both families", "firewalld", "counted", "jump", "never reached"],
)
def test_what_refuses_the_unasked_is_a_firewall(entries: list[dict[str, Any]]) -> None:
    assert refuses_unasked(ruleset(*entries)) is True


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [chain(policy="accept")],
        [chain(), rule(ACCEPT)],
        [chain(), rule(COUNTER, ACCEPT), rule(DROP)],
        [chain("ip")],
        [chain("ip6")],
        [chain("bridge")],
        [chain(policy="accept"), rule(MATCH, DROP)],
        [chain(), rule(jump("own")), rule(ACCEPT, chain="own")],
        [chain(policy="accept"), rule({"return": None}), rule(DROP)],
        [chain(), rule({"queue": None})],
        [chain(), rule(jump("input"))],
        [{"chain": chain()["chain"] | {"hook": "output"}}],
    ],
    ids=[
        "empty",
        "open",
        "accepts all",
        "accepts before",
        "IPv4 alone",
        "IPv6 alone",
        "bridge",
        "some",
        "accepts below",
        "returns before",
        "somebody else decides",
        "a circle",
        "output",
    ],
)
def test_what_lets_the_unasked_in_is_none(entries: list[dict[str, Any]]) -> None:
    assert refuses_unasked(ruleset(*entries)) is False


@pytest.mark.parametrize("flags", ["dormant", ["owner", "dormant"]])
def test_a_table_that_sleeps_refuses_nothing(flags: str | list[str]) -> None:
    table = {"table": {"family": "inet", "name": "filter", "flags": flags}}
    assert refuses_unasked(ruleset(table, chain())) is False
    table["table"] |= {"name": "other"}
    assert refuses_unasked(ruleset(table, chain())) is True


@pytest.mark.parametrize("text", ["", "[]", '{"nftables": 4}', '{"nftables": [{"chain": {}}]}x'])
def test_other_output_of_nft_is_unknown(text: str) -> None:
    assert isinstance(refuses_unasked(text), Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n", True),
        ("-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j REJECT\n", True),
        ("-P INPUT ACCEPT\n", False),
        ("-P INPUT DROP\n-A INPUT -j ACCEPT\n", False),
        ("-P INPUT DROP\n-N own\n-A INPUT -j own\n-A own -j ACCEPT\n", False),
        ("-P INPUT DROP\n-N own\n-A INPUT -g own\n-A own -j ACCEPT\n", False),
        ("-P INPUT DROP\n-N own\n-A INPUT -j own\n-A own -j RETURN\n-A own -j ACCEPT\n", True),
        ("-P INPUT DROP\n-N own\n-A INPUT -j own\n-A own -i lo -j ACCEPT\n", True),
        ("-P INPUT ACCEPT\n-N own\n-A INPUT -j LOG\n-A INPUT -j own\n-A own -j DROP\n", True),
        ("-P INPUT DROP\n-A INPUT -j NFQUEUE --queue-num 0\n", False),
        ("-P INPUT DROP\n-A INPUT -j own\n-A own -j own\n", False),
        ('-P INPUT DROP\n-A INPUT -m comment --comment "to \\"all\\"" -j ACCEPT\n', False),
    ],
)
def test_iptables_refuses_by_its_policy_or_its_last_rule(text: str, expected: bool) -> None:
    assert parse_iptables(text) is expected


def test_iptables_counts_with_ip6tables_only() -> None:
    closed, opened = "-P INPUT DROP\n", "-P INPUT ACCEPT\n"
    recorded = RecordedMachine({"iptables -S": closed, "ip6tables -S": closed})
    fact = found("linux", recorded, "firewall")
    assert (fact.value, fact.method) == (True, "iptables")
    recorded.commands["ip6tables -S"] = opened
    assert found("linux", recorded, "firewall").value is False
    del recorded.commands["ip6tables -S"]
    assert found("linux", recorded, "firewall").value is None


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (
            {"ufw status verbose": "Status: active\nDefault: deny (incoming), allow (outgoing)"},
            True,
        ),
        ({"ufw status verbose": "Status: active\nDefault: allow (incoming)"}, False),
        ({"ufw status verbose": "Status: inactive"}, False),
        ({"firewall-cmd --get-default-zone": "public\n"}, True),
        ({"firewall-cmd --get-default-zone": "trusted\n"}, False),
        ({"firewall-cmd --get-default-zone": Output(252, "not running\n")}, None),
        ({" ".join(NFT): Output(1, "", "Operation not permitted")}, None),
    ],
)
def test_other_firewalls_say_so_themselves(
    commands: dict[str, str | Output], expected: bool | None
) -> None:
    assert found("linux", RecordedMachine(commands), "firewall").value is expected


def test_an_empty_nftables_beside_iptables_of_old_is_a_firewall() -> None:
    commands: dict[str, str | Output] = {
        " ".join(NFT): ruleset(),
        "iptables -S": "-P INPUT DROP\n",
        "ip6tables -S": "-P INPUT DROP\n",
    }
    assert found("linux", RecordedMachine(commands), "firewall").value is True


def test_a_program_that_calls_itself_active_does_not_outdo_the_kernel() -> None:
    commands: dict[str, str | Output] = {
        " ".join(NFT): ruleset(),
        "ufw status verbose": "Status: active\nDefault: deny (incoming), allow (outgoing)",
    }
    assert found("linux", RecordedMachine(commands), "firewall").value is False
