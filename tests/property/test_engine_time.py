"""An answer holds until `valid_until`: time alone cannot change it earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.engine import decide, prepare
from doorward.model.decision import AccessRequest, Allow
from doorward.model.estate import Resource
from doorward.model.identity import Session
from doorward.model.snapshot import Snapshot
from tests.property.estates import NOW, ZONES, built, snapshots

PERMIT = '@id("p") permit(principal, action, resource);'
TURNS = [
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp(),  # Berlin puts its clock back
    datetime(2027, 3, 28, 1, 0, tzinfo=UTC).timestamp(),  # and forward
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC).timestamp(),  # Lord Howe: by half an hour
    datetime(2026, 12, 31, 23, 0, tzinfo=UTC).timestamp(),
]


@settings(max_examples=80, deadline=None)
@given(
    base=snapshots(policies=st.just(PERMIT)),
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
    assert isinstance(decision, Allow)
    assert now < decision.valid_until <= min(now + lasts, now + expires)
    later = now + part * (decision.valid_until - now)
    if later < decision.valid_until:
        again = decide(request, prepare(snapshot, expires_at=now + expires), later)
        assert isinstance(again, Allow)
        assert bytes(again.facts) == bytes(decision.facts)
        assert again.valid_until == decision.valid_until
    at_the_end = decide(request, prepared, decision.valid_until)
    assert at_the_end.reason != "permitted" or bytes(at_the_end.facts) != bytes(decision.facts)


def _with(base: Snapshot, session: Session, resource: Resource) -> Snapshot:
    return replace(base, sessions={"s1": session}, resources={"wiki": resource})


@settings(max_examples=20, deadline=None)
@given(snapshots(policies=st.just(PERMIT)), st.sampled_from((float("nan"), -1.0, 1e300)))
def test_a_time_that_is_none_denies(snapshot: Snapshot, now: float) -> None:
    request = built(AccessRequest, resource="wiki", action="read", address="10.1.2.3", session="s1")
    prepared = prepare(snapshot, expires_at=float("inf"))
    assert decide(request, prepared, now).reason == "snapshot-expired"
    assert decide(request, prepared.with_expiry(NOW), NOW).reason == "snapshot-expired"
