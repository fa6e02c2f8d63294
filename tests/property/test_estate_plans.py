"""A plan, once applied, leaves nothing to plan."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorward.estate import Estate, plan
from doorward.model.estate import Group, Label, User
from doorward.model.ids import GroupId, LabelId, UserId
from doorward.model.snapshot import Snapshot

IDS = st.sampled_from(["a", "b", "c", "d"])
NAMES = st.text("xyz", max_size=2)


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    groups = {
        i: Group(id=GroupId(i), name=draw(NAMES), parents=tuple(map(GroupId, draw(st.sets(IDS)))))
        for i in draw(st.sets(IDS))
    }
    users = {
        i: User(id=UserId(i), name=draw(NAMES), email=f"{i}@example.com")
        for i in draw(st.sets(IDS))
    }
    labels = {
        i: Label(id=LabelId(i), name=i, sensitivity=draw(st.integers(0, 100)))
        for i in draw(st.sets(IDS))
    }
    return Estate({"group": groups, "user": users, "label": labels})


@given(estates(), estates())
def test_applying_a_plan_leaves_nothing_to_plan(first: Estate, second: Estate) -> None:
    snapshot = Snapshot().advance(1, plan(Snapshot(), first).changes)
    planned = plan(snapshot, second)
    after = snapshot.advance(2, planned.changes)
    assert plan(after, second).changes == ()
    assert dict(after.users) == dict(second.documents["user"])
    assert len(planned.steps) == len(planned.changes)
