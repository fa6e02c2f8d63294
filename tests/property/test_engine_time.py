"""An answer holds until `valid_until`: time alone cannot change it earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.engine import decide, prepare
from doorward.model.decision import AccessRequest, Allow
from doorward.model.estate import Resource
from doorward.model.identity import Session
from doorward.model.snapshot import Snapshot
from doorward.policy import parse_policies
from tests.property.estates import NOW, ZONES, built, requests, snapshots

PERMIT = '@id("p") permit(principal, action, resource);'
AGE = "context has authentication_age_minutes && context.authentication_age_minutes"
TIMED = tuple(
    f'@id("p") permit(principal, action, resource) when {{ {condition} }};'
    for condition in (
        "true",
        "context.minute_of_day < 60 || context.minute_of_day >= 121",
        "[1, 3, 5, 7].contains(context.weekday)",
        f"{AGE} < 2",
        f"!({AGE} == 3)",
        f"context.minute_of_day != 0 && {AGE} < 4",
    )
)
TURNS = [
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp(),  # Berlin puts its clock back
    datetime(2027, 3, 28, 1, 0, tzinfo=UTC).timestamp(),  # and forward
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC).timestamp(),  # Lord Howe: by half an hour
    datetime(2026, 12, 31, 23, 0, tzinfo=UTC).timestamp(),
]


@settings(max_examples=80)
@given(
    base=snapshots(policies=st.sampled_from(TIMED)),
    turn=st.sampled_from(TURNS),
    zone=st.sampled_from(ZONES),
    shift=st.floats(-200, 200),
    age=st.floats(-120, 400),
    lasts=st.floats(0.001, 200),
    expires=st.floats(0.001, 200),
    part=st.floats(0, 1, exclude_max=True),
)
def test_an_answer_holds_until_it_says(
    base: Snapshot,
    turn: float,
    zone: str,
    shift: float,
    age: float,
    lasts: float,
    expires: float,
    part: float,
) -> None:
    now = turn + shift
    session = msgspec.structs.replace(
        base.sessions["s1"], authenticated_at=now - age, expires_at=now + lasts
    )
    resource = msgspec.structs.replace(base.resources["wiki"], timezone=zone)
    snapshot = _with(base, session, resource)
    prepared = prepare(snapshot, expires_at=now + expires)
    request = built(AccessRequest, resource="wiki", action="read", address="10.1.2.3", session="s1")
    decision = decide(request, prepared, now)
    fresh = prepare(snapshot, expires_at=now + expires)
    if not isinstance(decision, Allow):
        assert decision == decide(request, fresh, now)
        return
    assert now < decision.valid_until <= min(now + lasts, now + expires)
    later = now + part * (decision.valid_until - now)
    if later < decision.valid_until:
        again = decide(request, fresh, later)
        assert isinstance(again, Allow)
        assert again.policies == decision.policies
        assert again.valid_until == decision.valid_until
    at_the_end = decide(request, prepared, decision.valid_until)
    assert at_the_end.reason != "permitted" or bytes(at_the_end.facts) != bytes(decision.facts)


@pytest.mark.parametrize(
    ("condition", "permitted_at", "denied_at"),
    [
        ("context.minute_of_day < 600", "2026-11-23T09:59:59", "2026-11-23T10:00:00"),
        ("context.weekday == 1", "2026-11-23T23:59:59", "2026-11-24T00:00:00"),
        (f"{AGE} < 5", "2026-11-23T12:04:59", "2026-11-23T12:05:00"),
        ("context.minute_of_day >= 600", "2026-11-23T10:00:00", "2026-11-24T09:59:59"),
    ],
)
@given(base=snapshots(policies=st.just(PERMIT)))
@settings(max_examples=1)
def test_a_verdict_is_remembered_only_while_what_it_reads_stays(
    base: Snapshot, condition: str, permitted_at: str, denied_at: str
) -> None:
    text = f'@id("p") permit(principal, action, resource) when {{ {condition} }};'
    authenticated_at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()
    session = msgspec.structs.replace(
        base.sessions["s1"], authenticated_at=authenticated_at, expires_at=authenticated_at + 1e6
    )
    policies = {str(item.id): item for item in parse_policies(text, "timed.cedar")}
    wiki = msgspec.structs.replace(base.resources["wiki"], timezone="UTC")
    prepared = prepare(
        replace(_with(base, session, wiki), policies=policies), expires_at=float("inf")
    )
    request = built(AccessRequest, resource="wiki", action="read", address="10.1.2.3", session="s1")
    for moment, reason in ((permitted_at, "permitted"), (denied_at, "no-policy-permits")) * 2:
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
        assert decide(request, prepared, now).reason == reason


@settings(max_examples=60)
@given(
    st.one_of(snapshots(), snapshots(policies=st.sampled_from(TIMED))),
    requests(),
    st.lists(st.one_of(st.floats(-200, 400), st.floats(-200, 90_000)), min_size=2, max_size=5),
)
def test_a_remembered_verdict_changes_no_answer(
    snapshot: Snapshot, request: AccessRequest, shifts: list[float]
) -> None:
    prepared = prepare(snapshot, expires_at=float("inf"))
    for shift in shifts:
        fresh = prepare(snapshot, expires_at=float("inf"))
        assert decide(request, prepared, NOW + shift) == decide(request, fresh, NOW + shift)


def _with(base: Snapshot, session: Session, resource: Resource) -> Snapshot:
    return replace(base, sessions={"s1": session}, resources={"wiki": resource})


@settings(max_examples=20)
@given(snapshots(policies=st.just(PERMIT)), st.sampled_from((float("nan"), -1.0, 1e300)))
def test_a_time_that_is_none_denies(snapshot: Snapshot, now: float) -> None:
    request = built(AccessRequest, resource="wiki", action="read", address="10.1.2.3", session="s1")
    prepared = prepare(snapshot, expires_at=float("inf"))
    assert decide(request, prepared, now).reason == "snapshot-expired"
    assert decide(request, prepared.with_expiry(NOW), NOW).reason == "snapshot-expired"
