"""Everyone by name, brought up to date from snapshot to snapshot, is everyone looked through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorward.administrator import people
from doorward.administrator.people import people_of
from doorward.model.estate import User
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, Snapshot, change, removal

IDS = st.sampled_from(["a", "B", "b", "c@x", "d", "E@x"])
NAMES = st.sampled_from(["Zoë", "zoë", "Öz", "ann", "Ann B", ""])
ADDRESSES = st.sampled_from(["", "c@X", "z@x", "Z@x", "b", "ann@y"])
CHANGES = st.one_of(
    st.builds(
        lambda key, name, email: change("user", User(id=UserId(key), name=name, email=email)),
        IDS,
        NAMES,
        ADDRESSES,
    ),
    st.builds(lambda key: removal("user", key), IDS),
)
SEARCHES = st.sampled_from(["", "zoë", "ZOË", "ann", "@x", "b", "nothing", " z "])


@given(steps=st.lists(st.tuples(st.lists(CHANGES, max_size=4), SEARCHES), max_size=6))
def test_people_are_found_as_by_looking_through_all(
    steps: list[tuple[list[Change], str]],
) -> None:
    snapshot = Snapshot()
    for number, (changes, text) in enumerate(steps, 1):
        snapshot = snapshot.advance(number, changes)
        found = people_of(snapshot)
        everyone = list(snapshot.users.values())
        for name in ("c@x", "Z@X", "B", "", "ann@y"):
            same = {u.id for u in everyone if name and u.email.casefold() == name.casefold()}
            assert set(found.with_address(name)) == same
            assert set(found.with_id(name)) == {
                u.id for u in everyone if u.id.casefold() == name.casefold()
            }
        wanted = text.strip().casefold()
        fitting = {u.id for u in everyone if wanted in f"{u.name}\n{u.id}\n{u.email}".casefold()}
        listed = found.search(text)
        assert {user.id for user in listed.people} == fitting
        assert listed.total == len(fitting)
        names = [user.name.casefold() for user in listed.people]
        assert names == sorted(names)
        assert all(snapshot.users[user.id] is user for user in listed.people)


@given(st.integers(0, 7), st.integers(1, 4))
def test_pages_are_pieces_of_the_whole(offset: int, limit: int) -> None:
    users = [User(id=UserId(f"u{n}"), name=f"n{n}", email="") for n in range(6)]
    snapshot = Snapshot().advance(1, [change("user", user) for user in users])
    page = people_of(snapshot).search("n", offset=offset, limit=limit)
    assert (list(page.people), page.total) == (users[offset : offset + limit], 6)


def test_when_most_are_others_all_is_made_anew() -> None:
    def company(count: int, name: str) -> Snapshot:
        users = [User(id=UserId(f"u{n}"), name=name, email=f"{n}@x") for n in range(count)]
        return Snapshot().advance(1, [change("user", user) for user in users])

    before = company(people._CHANGED_TO_REBUILD + 1, "old")
    first = people_of(before)
    assert people_of(before) is first
    after = people_of(company(people._CHANGED_TO_REBUILD + 1, "new"))
    assert after is not first
    assert after.search("new").total == people._CHANGED_TO_REBUILD + 1
    assert after.with_address("5@X") == ("u5",)
