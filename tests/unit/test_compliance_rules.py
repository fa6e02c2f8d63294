"""What a check makes of facts, whom a policy is for, and what follows for the device."""

from __future__ import annotations

from typing import Any

import pytest

from doorward.administrator.fleet.compliance import applicable, outcome
from doorward.administrator.fleet.conclude import conclude, words_for
from doorward.administrator.fleet.health import KnownFact
from doorward.administrator.fleet.known import believed, live, merged, packed, shown, unpacked
from doorward.administrator.fleet.posture_ports import PostureRecord
from doorward.administrator.fleet.versions import at_least
from doorward.errors import DoorwardError
from doorward.model.compliance import Check, Compliance, Mode
from doorward.model.device import Device
from doorward.model.estate import Group, User
from doorward.model.identity import Standing
from doorward.model.ids import ComplianceId, DeviceId, GroupId, UserId
from doorward.model.posture import Fact, FactName, FactValue, Trust
from doorward.model.snapshot import Snapshot

NOW = 1_790_000_000.0
QUARTER = 900
ALICE = UserId("alice")
LAPTOP = Device(id=DeviceId("laptop"), owner=ALICE, key="ab", platform="linux")


def known(
    name: FactName, value: FactValue | None, trust: Trust = Trust.SIGNED, at: float = NOW
) -> KnownFact:
    return KnownFact(fact=Fact(name=name, value=value, at=at, method="test"), trust=trust)


def policy(*checks: Check, name: str = "base", mode: Mode = "enforce", **how: object) -> Compliance:
    return Compliance(
        id=ComplianceId(name),
        name=name.title(),
        checks=checks,
        mode=mode,
        **how,  # type: ignore[arg-type]
    )


DISK = Check(fact="disk-encrypted", want=True)
FIREWALL = Check(fact="firewall", want=True)


@pytest.mark.parametrize(
    ("version", "least", "answer"),
    [
        ("12.4", "12.4", True),
        ("12.4.0", "12.4", True),
        ("12.4", "12.4.0", True),
        ("12.10", "12.9", True),
        ("12.9", "12.10", False),
        ("13", "12.4", True),
        ("6.1.0-18-amd64", "6.1", True),
        ("6.1.0-18-amd64", "6.2", False),
        ("12.4-rc1", "12.4", False),
        ("12.4~beta", "12.4", False),
        ("12.4.dev3", "12.4", False),
        ("12.5-rc1", "12.4", True),
        ("0", "0.0", True),
        ("bookworm", "12", None),
        ("", "12", None),
        ("v12", "12", None),
        ("1.2.3.4.5.6.7", "1.2.3.4.5.6", None),
        ("12345678901", "1", None),
        ("1..2", "1", None),
    ],
)
def test_versions_compare_by_their_numbers(version: str, least: str, answer: bool | None) -> None:
    assert at_least(version, least) is answer


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (DISK, True, "passing"),
        (DISK, False, "failing"),
        (DISK, None, "unknown"),
        (Check(fact="reboot-needed", want=False), False, "passing"),
        (Check(fact="reboot-needed", want=False), True, "failing"),
        (Check(fact="updates-pending", at_most=3), 3, "passing"),
        (Check(fact="updates-pending", at_most=3), 4, "failing"),
        (Check(fact="updates-pending", at_most=0), 0, "passing"),
        (Check(fact="os-version", at_least="12.4"), "12.5", "passing"),
        (Check(fact="os-version", at_least="12.4"), "12.3", "failing"),
        (Check(fact="os-version", at_least="12.4"), "rolling", "unknown"),
        (Check(fact="os-name", allowed=("Debian",)), "Debian", "passing"),
        (Check(fact="os-name", allowed=("Debian",)), "Arch", "failing"),
        (Check(fact="listeners", allowed=("tcp/22",)), ("tcp/22",), "passing"),
        (Check(fact="listeners", allowed=("tcp/22",)), (), "passing"),
        (Check(fact="listeners", allowed=()), (), "passing"),
        (Check(fact="listeners", allowed=("tcp/22",)), ("tcp/22", "tcp/80"), "failing"),
        (Check(fact="os-name", want=True), "Debian", "unknown"),
    ],
)
def test_each_kind_of_check(check: Check, value: FactValue | None, expected: str) -> None:
    facts = live([known(check.fact, value)], NOW).get(check.fact, [])
    assert outcome(check, facts) == expected


@pytest.mark.parametrize("wanted", Trust)
@pytest.mark.parametrize("given", Trust)
def test_a_fact_counts_where_it_is_proved_well_enough(wanted: Trust, given: Trust) -> None:
    check = Check(fact="firewall", want=True, trust=wanted)
    expected = "passing" if given >= wanted else "unknown"
    assert outcome(check, [known("firewall", True, given)]) == expected
    assert outcome(check, [known("firewall", False, given)]) == "failing"


def test_a_fact_is_unknown_at_the_end_of_its_lifetime() -> None:
    facts = [known("firewall", True), known("secure-boot", True)]
    assert set(live(facts, NOW + QUARTER - 1)) == {"firewall", "secure-boot"}
    assert set(live(facts, NOW + QUARTER)) == {"secure-boot"}
    assert [item.fact.value for item in shown(facts, NOW + QUARTER)] == [None, True]


def test_a_bearer_secret_cannot_speak_over_the_device_key() -> None:
    signed_off = known("firewall", False, Trust.SIGNED, NOW)
    said_on = known("firewall", True, Trust.SELF_REPORTED, NOW + 60)
    beside = merged([signed_off], [said_on])
    assert beside == (signed_off, said_on)
    assert outcome(FIREWALL, beside) == "failing"
    # It can only make things worse, and only until the device speaks again.
    signed_on = known("firewall", True, Trust.SIGNED, NOW + 120)
    said_off = known("firewall", False, Trust.SELF_REPORTED, NOW + 90)
    assert outcome(FIREWALL, merged([known("firewall", True)], [said_off])) == "failing"
    assert merged([signed_off, said_off], [signed_on]) == (signed_on,)


def test_what_a_device_quotes_and_signs_is_one_source() -> None:
    quoted = known("firewall", True, Trust.QUOTED, NOW)
    signed = known("firewall", False, Trust.SIGNED, NOW + 60)
    assert merged([quoted], [signed]) == (signed,)
    assert merged([signed], [quoted]) == (signed,)


def test_what_is_packed_is_unpacked() -> None:
    facts = merged((), [known("listeners", ("tcp/22",)), known("firewall", None)])
    assert unpacked(packed(facts)) == facts
    assert [item.fact.name for item in facts] == ["firewall", "listeners"]


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ([Fact(name="firewall", value=True, at=NOW + 301, method="")], "future"),
        ([Fact(name="firewall", value=True, at=NOW - 11, method="")], "older"),
        ([Fact(name="firewall", value=True, at=-1.0, method="")], "older"),
        ([Fact(name="firewall", value=1, at=NOW, method="")], "kind"),
        ([Fact(name="firewall", value=True, at=NOW, method="\x1b[2J")], "kind"),
        ([Fact(name="os-name", value="De\nbian", at=NOW, method="")], "kind"),
        ([Fact(name="listeners", value=("tcp/\x00",), at=NOW, method="")], "kind"),
        ([Fact(name="firewall", value=None, at=NOW, method="", why="x" * 257)], "kind"),
        ([Fact(name="updates-pending", value=-1, at=NOW, method="")], "kind"),
        ([Fact(name="firewall", value=True, at=NOW, method="")] * 2, "twice"),
    ],
)
def test_what_cannot_be_is_refused_as_a_whole(facts: list[Fact], problem: str) -> None:
    before = [known("firewall", True, at=NOW - 10)]
    good = Fact(name="secure-boot", value=True, at=NOW, method="")
    with pytest.raises(DoorwardError, match=f"facts-implausible.*{problem}"):
        believed([good, *facts], Trust.SIGNED, before, NOW)


def test_a_clock_that_is_a_little_fast_does_not_make_a_fact_live_longer() -> None:
    fact = Fact(name="firewall", value=True, at=NOW + 300, method="")
    [taken] = believed([fact], Trust.SIGNED, (), NOW)
    assert taken.fact.at == NOW
    # What the bearer of a secret said does not make the device's own word too old.
    later = [known("firewall", True, Trust.SELF_REPORTED, NOW)]
    fact = Fact(name="firewall", value=True, at=NOW - 60, method="")
    assert believed([fact], Trust.SIGNED, later, NOW)


def world(*policies: Compliance, groups: tuple[str, ...] = (), asserted: str = "") -> Snapshot:
    named = tuple(map(GroupId, groups))
    user = User(id=ALICE, name="Alice", email="a@example.test", groups=named)
    standing = Standing(id=ALICE, groups=(GroupId(asserted),) if asserted else ())
    return Snapshot(
        number=1,
        compliances={item.id: item for item in policies},
        users={ALICE: user},
        standings={ALICE: standing},
        groups={
            "staff": Group(id=GroupId("staff"), name="Staff"),
            "ops": Group(id=GroupId("ops"), name="Ops", parents=(GroupId("staff"),)),
        },
        devices={LAPTOP.id: LAPTOP},
    )


@pytest.mark.parametrize(
    ("how", "groups", "asserted", "applies"),
    [
        ({}, (), "", True),
        ({"platforms": ("linux",)}, (), "", True),
        ({"platforms": ("macos", "windows")}, (), "", False),
        ({"groups": ("staff",)}, (), "", False),
        ({"groups": ("staff",)}, ("staff",), "", True),
        ({"groups": ("staff",)}, ("ops",), "", True),
        ({"groups": ("ops",)}, ("staff",), "", False),
        ({"groups": ("staff",)}, (), "ops", True),
        ({"groups": ("staff",), "platforms": ("macos",)}, ("staff",), "", False),
    ],
)
def test_whom_a_policy_is_for(
    how: dict[str, Any], groups: tuple[str, ...], asserted: str, applies: bool
) -> None:
    snapshot = world(policy(DISK, **how), groups=groups, asserted=asserted)
    assert bool(applicable(snapshot, LAPTOP)) is applies


def concluded(
    *policies: Compliance, facts: tuple[KnownFact, ...] = (), said: bool | None = None
) -> tuple[bool | None, tuple[str, ...], str]:
    record = PostureRecord(device=LAPTOP.id, said=said, said_why="stolen" if said is False else "")
    found = conclude(world(*policies), LAPTOP, record, facts, (), NOW)
    return found.healthy, found.complies, found.reason


ON, OFF = known("firewall", True), known("firewall", False)
STRICT, GENTLE = policy(FIREWALL), policy(FIREWALL, name="trial", mode="report")


@pytest.mark.parametrize(
    ("policies", "facts", "said", "expected"),
    [
        ((), (), None, (None, (), "")),
        ((), (), True, (True, (), "")),
        ((), (), False, (False, (), "stolen")),
        ((STRICT,), (ON,), None, (True, ("base",), "")),
        ((STRICT,), (ON,), False, (False, ("base",), "stolen")),
        ((STRICT,), (OFF,), None, (False, (), "Not as it must be: Firewall.")),
        ((STRICT,), (OFF,), True, (False, (), "Not as it must be: Firewall.")),
        ((STRICT,), (), None, (None, (), "Not known: Firewall.")),
        ((STRICT,), (), True, (None, (), "Not known: Firewall.")),
        ((GENTLE,), (OFF,), None, (None, (), "")),
        ((GENTLE,), (OFF,), True, (True, (), "")),
        ((GENTLE,), (ON,), None, (None, ("trial",), "")),
        ((GENTLE, STRICT), (ON,), None, (True, ("base", "trial"), "")),
        ((policy(FIREWALL, platforms=("macos",)),), (ON,), None, (None, (), "")),
    ],
)
def test_health_is_the_worst_of_what_counts(
    policies: tuple[Compliance, ...],
    facts: tuple[KnownFact, ...],
    said: bool | None,
    expected: tuple[bool | None, tuple[str, ...], str],
) -> None:
    assert concluded(*policies, facts=facts, said=said) == expected


def test_a_reason_names_a_few_and_counts_the_rest() -> None:
    names: list[FactName] = ["firewall", "screen-lock", "secure-boot", "os-supported"]
    strict = policy(*(Check(fact=name, want=True) for name in names), DISK)
    facts = tuple(known(name, False) for name in names)
    _, _, reason = concluded(strict, facts=facts)
    assert reason == "Not as it must be: Firewall, Screen lock, Secure Boot and 1 more."


def test_the_worst_of_two_checks_on_one_fact_counts() -> None:
    near = Check(fact="updates-pending", at_most=10, grace_hours=2)
    far = Check(fact="updates-pending", at_most=10, grace_hours=1)
    none = Check(fact="updates-pending", at_most=5)
    record = PostureRecord(device=LAPTOP.id)

    def findings(*checks: Check) -> list[tuple[str, float | None]]:
        snapshot = world(policy(*checks))
        facts = [known("updates-pending", 11)]
        found = conclude(snapshot, LAPTOP, record, facts, (), NOW)
        assert found.due_at is not None
        return [(item.state, item.until) for item in found.findings]

    assert findings(near, far) == [("grace", NOW + 3600)]
    assert findings(far, near) == [("grace", NOW + 3600)]
    assert findings(near, none) == [("failing", None)]


def test_words_say_what_is_wanted_where_the_policy_does_not() -> None:
    assert words_for(DISK) == "Disk encryption: this must be yes."
    assert words_for(Check(fact="os-version", at_least="12")).endswith(": at least 12.")
    assert words_for(Check(fact="updates-pending", at_most=0)).endswith(": at most 0.")
    assert words_for(Check(fact="listeners", allowed=("tcp/22",))).endswith(": only tcp/22.")
    assert words_for(Check(fact="listeners", allowed=())).endswith(": only none.")
