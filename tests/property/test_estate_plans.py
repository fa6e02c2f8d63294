"""A plan, once applied, leaves nothing to plan."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorward.estate import Estate, plan
from doorward.model.estate import Group, Label, User
from doorward.model.ids import GroupId, LabelId, UserId
from doorward.model.snapshot import Snapshot, change

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


PROVISIONED = st.sampled_from(["p", "q", "r"])


@given(estates(), estates(), st.sets(PROVISIONED), st.sets(PROVISIONED))
def test_whom_a_directory_provisions_no_plan_touches(
    first: Estate, second: Estate, people: set[str], groups: set[str]
) -> None:
    provided = [
        *(change("group", Group(id=GroupId(i), name=i, source="scim")) for i in groups),
        *(
            change("user", User(id=UserId(i), name=i, email=f"{i}@example.org", source="scim"))
            for i in people
        ),
    ]
    snapshot = Snapshot().advance(1, [*plan(Snapshot(), first).changes, *provided])
    planned = plan(snapshot, second)
    after = snapshot.advance(2, planned.changes)
    assert {user.id for user in after.users.values() if user.source == "scim"} == people
    assert {group.id for group in after.groups.values() if group.source == "scim"} == groups
    assert after.users.keys() - people == second.documents["user"].keys()
    assert plan(after, second).steps == ()
    assert not {step.id for step in planned.steps} & (people | groups)
