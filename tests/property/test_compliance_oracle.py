"""The compliance rules against naive ones: health from scratch, and grace from the whole past."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.fleet.compliance import LONGEST_PROBATION_SECONDS
from doorward.administrator.fleet.conclude import Conclusion, conclude
from doorward.administrator.fleet.health import KnownFact
from doorward.administrator.fleet.known import merged
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.model.compliance import Check, Compliance
from doorward.model.device import Device
from doorward.model.ids import ComplianceId, DeviceId, UserId
from doorward.model.posture import FACTS, Fact, FactName, Trust
from doorward.model.snapshot import Snapshot

HOUR = 3600.0
START = 1_790_000_000.0
LAPTOP = Device(id=DeviceId("laptop"), owner=UserId("alice"), key="ab", platform="linux")
FLAGS: tuple[FactName, ...] = ("firewall", "secure-boot", "reboot-needed")

trusts = st.sampled_from(Trust)
checks = st.builds(
    Check, fact=st.sampled_from(FLAGS), want=st.booleans(), trust=st.sampled_from((0, 1, 2))
)
policies = st.builds(
    Compliance,
    id=st.sampled_from([ComplianceId(name) for name in "abcd"]),
    name=st.just("Policy"),
    checks=st.lists(checks, min_size=1, max_size=4).map(tuple),
    mode=st.sampled_from(("report", "enforce")),
    platforms=st.sampled_from(((), ("linux",), ("macos",))),
)
facts = st.builds(
    KnownFact,
    fact=st.builds(
        Fact,
        name=st.sampled_from(FLAGS),
        value=st.sampled_from((True, False, None)),
        at=st.integers(0, 30).map(lambda minutes: START - minutes * 60.0),
        method=st.just(""),
    ),
    trust=trusts,
)


def world(*some: Compliance) -> Snapshot:
    return Snapshot(compliances={item.id: item for item in some}, devices={LAPTOP.id: LAPTOP})


def naive_passes(check: Check, known: list[KnownFact]) -> bool | None:
    """Word by word as docs/reference/posture.md has it."""
    alive = [
        item
        for item in known
        if item.fact.name == check.fact
        and item.fact.value is not None
        and START - item.fact.at < FACTS[check.fact].lifetime_seconds
    ]
    for item in alive:
        if item.fact.value != check.want:
            return False
    for item in alive:
        if item.trust >= check.trust:
            return True
    return None


def naive_conclusion(
    some: list[Compliance], known: list[KnownFact], said: bool | None
) -> tuple[bool | None, set[str]]:
    rank = {False: 0, None: 1, True: 2}
    words = [] if said is None else [said]
    complies = set()
    for policy in some:
        if policy.platforms and "linux" not in policy.platforms:
            continue
        worst = min((naive_passes(check, known) for check in policy.checks), key=rank.__getitem__)
        if worst:
            complies.add(str(policy.id))
        if policy.mode == "enforce":
            words.append(worst)  # type: ignore[arg-type]
    return min(words, key=rank.__getitem__, default=None), complies


@settings(max_examples=300)
@given(
    st.lists(policies, max_size=4, unique_by=lambda policy: policy.id),
    st.lists(facts, max_size=6),
    st.sampled_from((True, False, None)),
)
def test_the_conclusion_is_the_naive_one(
    some: list[Compliance], reported: list[KnownFact], said: bool | None
) -> None:
    known = merged((), reported)
    record = PostureRecord(device=LAPTOP.id, said=said)
    found = conclude(world(*some), LAPTOP, record, known, (), START)
    assert (found.healthy, set(found.complies)) == naive_conclusion(some, list(known), said)
    assert found.due_at is None or found.due_at > START


@given(st.lists(facts, max_size=6), facts)
def test_a_fact_that_is_taken_away_never_makes_a_device_healthier(
    reported: list[KnownFact], passing: KnownFact
) -> None:
    """Unknown never passes: without a fact nothing passes that did not pass with it."""
    check = Check(fact=passing.fact.name, want=True, trust=passing.trust)
    policy = Compliance(id=ComplianceId("p"), name="P", checks=(check,), mode="enforce")
    record = PostureRecord(device=LAPTOP.id)
    empty = conclude(world(policy), LAPTOP, record, (), (), START)
    assert empty.healthy is None
    found = conclude(world(policy), LAPTOP, record, merged((), reported), (), START)
    assert found.healthy is not True or any(
        item.fact.value is True and item.trust >= passing.trust for item in reported
    )


@dataclass
class Past:
    """A device that one check applies to, looked at whenever something happens or is due."""

    policy: Compliance
    record: PostureRecord = field(default_factory=lambda: PostureRecord(device=LAPTOP.id))
    findings: tuple[FindingRecord, ...] = ()
    known: tuple[KnownFact, ...] = ()

    def look(self, now: float) -> Conclusion:
        found = conclude(world(self.policy), LAPTOP, self.record, self.known, self.findings, now)
        self.findings = found.records
        self.record = PostureRecord(device=LAPTOP.id, due_at=found.due_at)
        return found

    def pass_time(self, until: float) -> None:
        """What the background pass does meanwhile."""
        while self.record.due_at is not None and self.record.due_at <= until:
            before = self.record.due_at
            after = self.look(before).due_at
            assert after is None or after > before

    def report(self, value: bool | None, now: float) -> Conclusion:
        fact = Fact(name="secure-boot", value=value, at=now, method="")
        self.known = merged(self.known, [KnownFact(fact=fact, trust=Trust.SIGNED)])
        return self.look(now)


def naive_health(history: list[tuple[float, bool | None]], grace: float, now: float) -> bool | None:
    """From all reports until now: second by second it would be the same, but slow."""
    lifetime = float(FACTS["secure-boot"].lifetime_seconds)
    probation = min(grace, LONGEST_PROBATION_SECONDS)
    spans: list[tuple[float, float, bool | None]] = []
    for index, (at, value) in enumerate(history):
        end = history[index + 1][0] if index + 1 < len(history) else now
        spans.append((at, min(end, at + lifetime), value))
        if at + lifetime < end:
            spans.append((at + lifetime, end, None))
    first, passed = None, None
    state: bool | None = None
    for start, end, value in spans:
        if value is True:
            passed = start if passed is None else passed
            if first is not None and end >= passed + probation:
                first = None
        else:
            passed = None
            if value is False and first is None:
                first = start
        state = value
    if history and now >= history[-1][0] + lifetime:
        state = None
    if state is False and first is not None and now < first + grace:
        return True
    return state


steps = st.lists(
    st.tuples(
        st.sampled_from((1.0, 2.0, 5.0, 11.0, 12.0, 23.0, 24.0, 25.0, 49.0)),
        st.sampled_from((True, False, None)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=400)
@given(steps, st.sampled_from((0, 1, 12, 24, 72)), st.booleans())
def test_grace_counts_from_the_first_failure_whatever_comes_between(
    some: list[tuple[float, bool | None]], grace: int, watched: bool
) -> None:
    check = Check(fact="secure-boot", want=True, grace_hours=grace)
    policy = Compliance(id=ComplianceId("p"), name="P", checks=(check,), mode="enforce")
    past, now = Past(policy), START
    history: list[tuple[float, bool | None]] = []
    for hours, value in some:
        now += hours * HOUR
        if watched:
            past.pass_time(now)
        history.append((now, value))
        found = past.report(value, now)
        expected = naive_health(history, grace * HOUR, now)
        if watched:
            assert found.healthy is expected
        else:
            # Where nobody looked at what was due, no grace is longer than it would have been.
            assert expected is True or found.healthy is expected
        if watched:
            half = now + HOUR / 2
            past.pass_time(half)
            assert past.look(half).healthy is naive_health(history, grace * HOUR, half)


@given(
    st.lists(st.sampled_from((True, False, None)), min_size=1, max_size=100),
    st.sampled_from((24, 48, 72)),
)
def test_flapping_every_hour_does_not_start_a_grace_anew(
    values: list[bool | None], grace: int
) -> None:
    check = Check(fact="secure-boot", want=True, grace_hours=grace)
    policy = Compliance(id=ComplianceId("p"), name="P", checks=(check,), mode="enforce")
    past, now = Past(policy), START
    assert past.report(value=False, now=now).healthy is True
    passed = 0
    for value in values:
        now += HOUR
        past.pass_time(now)
        passed = passed + 1 if value else 0
        found = past.report(value, now)
        if passed > LONGEST_PROBATION_SECONDS / HOUR:
            return
        if now >= START + grace * HOUR:
            assert found.healthy is value
