"""What every directory promises: the same suite on SQLite, PostgreSQL and the fake."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward.adapters.store import directory_reading
from doorward.administrator.directory.conditions import (
    ALWAYS,
    AddressWhere,
    Compare,
    Condition,
    Every,
    Field,
    Not,
    Operator,
    Order,
    Present,
    Query,
    Some,
)
from doorward.administrator.directory.entries import Address, Details, Entry, EntryKind, Member
from doorward.administrator.directory.ports import Directory
from doorward.administrator.ports import Store
from doorward.errors import DoorwardError
from tests.fakes.store import MemoryStore

PEOPLE = {
    "ann": Details(
        user_name="Ann",
        display_name="Ann Ärmel",
        external_id="X1",
        given_name="Ann",
        family_name="Ärmel",
        active=True,
        addresses=(
            Address(value="ann@home.example", type="home"),
            Address(value="Ann@Work.Example", type="work", primary=True),
        ),
    ),
    "bob": Details(user_name="bob_%", display_name="Bob", external_id="x1", active=False),
    "cid": Details(
        user_name="cid",
        family_name="Zulu\U0001f600",
        addresses=(Address(value="cid@work.example", type="work"),),
    ),
    "dot": Details(user_name="dot", display_name="İstanbul", active=True),
}
GROUPS = {"ops": Details(display_name="Ops"), "all": Details(display_name="All of them")}


def entry(kind: EntryKind, entry_id: str, at: float = 1000.0) -> Entry:
    body = b'{"displayName":"%s"}' % entry_id.encode()
    return Entry(
        kind=kind,
        id=entry_id,
        body=body,
        version=1,
        created=at,
        modified=at,
        changed_by="service:x",
    )


def reader(store: Store) -> Directory:
    return cast("Directory", cast("Any", store).directory)


async def filled(store: Store) -> Directory:
    async with store.transaction() as transaction:
        for number, (user, details) in enumerate(PEOPLE.items()):
            await transaction.directory.put(entry("user", user, 1000.0 + number), details)
        for number, (group, details) in enumerate(GROUPS.items()):
            await transaction.directory.put(entry("group", group, 2000.5 + number), details)
        await transaction.directory.change_members(
            "ops", [Member("ann", "user"), Member("bob", "user")], ()
        )
        await transaction.directory.change_members(
            "all", [Member("ops", "group"), Member("cid", "user")], ()
        )
    return reader(store)


async def ids(directory: Directory, condition: Condition, kind: EntryKind = "user") -> list[str]:
    page = await directory.find(Query(where={kind: condition}))
    assert page.total == len(page.entries)
    return [item.id for item in page.entries]


async def test_an_entry_is_kept_as_it_was_put(store: Store) -> None:
    directory = await filled(store)
    assert await directory.get("user", "ann") == entry("user", "ann", 1000.0)
    assert await directory.get("group", "ann") is None
    assert await directory.get("user", "nobody") is None


@pytest.mark.parametrize("offset", [len(PEOPLE), 2**63 - 1, 10**30])
async def test_a_page_beyond_the_end_is_empty(store: Store, offset: int) -> None:
    directory = await filled(store)
    page = await directory.find(Query(where={"user": ALWAYS}, offset=offset))
    assert (page.total, page.entries) == (len(PEOPLE), ())


async def test_putting_again_replaces_what_it_is_found_by(store: Store) -> None:
    directory = await filled(store)
    changed = msgspec.structs.replace(entry("user", "ann"), version=2, body=b"{}")
    async with store.transaction() as transaction:
        await transaction.directory.put(changed, Details(user_name="anna"))
    assert await directory.get("user", "ann") == changed
    assert await ids(directory, Compare("address", "co", "ann")) == []
    assert await ids(directory, Compare("user_name", "eq", "anna")) == ["ann"]


async def test_putting_without_details_changes_the_version_alone(store: Store) -> None:
    directory = await filled(store)
    touched = msgspec.structs.replace(
        entry("group", "ops"), version=7, modified=5.0, changed_by="service:y"
    )
    async with store.transaction() as transaction:
        await transaction.directory.put(touched)
    found = await directory.get("group", "ops")
    assert found is not None
    assert (found.version, found.modified, found.changed_by) == (7, 5.0, "service:y")
    assert await ids(directory, Compare("display_name", "eq", "ops"), "group") == ["ops"]


async def test_a_user_name_is_one_persons_without_regard_to_case(store: Store) -> None:
    await filled(store)
    async with store.transaction() as transaction:
        assert await transaction.directory.owner("ANN") == "ann"
        assert await transaction.directory.owner("nobody") is None
    with pytest.raises(DoorwardError, match="store-conflict"):
        async with store.transaction() as transaction:
            await transaction.directory.put(entry("user", "eve"), Details(user_name="aNN"))


async def test_an_id_is_taken_for_ever(store: Store) -> None:
    directory = await filled(store)
    async with store.transaction() as transaction:
        assert await transaction.directory.taken("ann")
        await transaction.directory.remove(entry("user", "ann"))
        assert await transaction.directory.taken("ann")
        assert not await transaction.directory.taken("eve")
    assert await directory.get("user", "ann") is None
    assert await directory.memberships(["ann"]) == {}
    assert await directory.members(["ops"]) == {"ops": [Member("bob", "user")]}
    async with store.transaction() as transaction:
        await transaction.directory.remove(entry("group", "ops"))
    assert await directory.members(["ops", "all"]) == {"all": [Member("cid", "user")]}


async def test_members_come_and_go_and_may_do_so_twice(store: Store) -> None:
    directory = await filled(store)
    async with store.transaction() as transaction:
        table = transaction.directory
        await table.change_members("ops", [Member("cid", "user"), Member("ann", "user")], ["bob"])
        await table.change_members("ops", [Member("cid", "user")], ["bob", "nobody"])
        assert await table.members("ops") == [Member("ann", "user"), Member("cid", "user")]
        assert list(await table.members("none")) == []
    assert await directory.memberships(["cid", "ops", "bob"]) == {
        "cid": [Member("all", "group"), Member("ops", "group")],
        "ops": [Member("all", "group")],
    }


async def test_an_exception_leaves_the_directory_as_it_was(store: Store) -> None:
    directory = await filled(store)

    async def broken() -> None:
        async with store.transaction() as transaction:
            await transaction.directory.remove(entry("user", "ann"))
            await transaction.directory.change_members("ops", [], ["bob"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    assert await directory.get("user", "ann") is not None
    assert len((await directory.members(["ops"]))["ops"]) == 2


async def test_pages_say_how_many_there_are_in_all(store: Store) -> None:
    directory = await filled(store)
    everyone: dict[EntryKind, Condition] = {"user": ALWAYS, "group": ALWAYS}
    first = await directory.find(Query(where=everyone, limit=4))
    assert (first.total, [e.id for e in first.entries]) == (6, ["all", "ann", "bob", "cid"])
    rest = await directory.find(Query(where=everyone, offset=4, limit=4))
    assert (rest.total, [e.id for e in rest.entries]) == (6, ["dot", "ops"])
    for query in (
        Query(where=everyone, limit=0),
        Query(where=everyone, offset=9),
        Query(where=everyone, limit=None, offset=5),
    ):
        assert (await directory.find(query)).total == 6
    nobody = await directory.find(Query(where={"user": Some(())}))
    assert (nobody.total, nobody.entries) == (0, ())


@pytest.mark.parametrize("most", [1, 50_000])
async def test_pages_of_what_changed_are_in_order_of_ids(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Whether few changed or most, and in whichever order: a page stays where it was."""
    monkeypatch.setattr(directory_reading, "_MOST", most)
    directory = await filled(store)
    async with store.transaction() as transaction:
        await transaction.directory.put(entry("user", "bob", 3000.0))
    since = Every((Compare("modified", "gt", 1000.0),))
    for offset, limit in ((0, 1), (1, 1), (0, 3), (1, None), (3, 1), (0, 0)):
        page = await directory.find(Query(where={"user": since}, offset=offset, limit=limit))
        wanted = ["bob", "cid", "dot"][offset:][:limit]
        assert (page.total, [item.id for item in page.entries]) == (3, wanted)


async def test_each_kind_has_a_condition_of_its_own(store: Store) -> None:
    directory = await filled(store)
    where: dict[EntryKind, Condition] = {
        "user": Compare("active", "eq", value=True),
        "group": Compare("member", "eq", "ops"),
    }
    page = await directory.find(Query(where=where))
    assert [item.id for item in page.entries] == ["all", "ann", "dot"]


async def test_who_has_no_value_comes_last_and_turned_round_first(store: Store) -> None:
    directory = await filled(store)

    async def order(field: Field, *, descending: bool = False) -> list[str]:
        query = Query(where={"user": ALWAYS}, order=Order(field, descending))
        return [item.id for item in (await directory.find(query)).entries]

    assert await order("display_name") == ["ann", "bob", "dot", "cid"]
    assert await order("display_name", descending=True) == ["cid", "dot", "bob", "ann"]
    assert await order("address") == ["ann", "cid", "bob", "dot"]
    assert await order("active") == ["bob", "ann", "dot", "cid"]
    assert await order("created", descending=True) == ["dot", "cid", "bob", "ann"]
    assert await order("user_name") == ["ann", "bob", "cid", "dot"]


async def test_everything_is_read_in_order_some_at_a_time(store: Store) -> None:
    directory = await filled(store)
    read = [item.id async for some in directory.every({"user": ALWAYS}) for item in some]
    assert read == ["ann", "bob", "cid", "dot"]


async def test_the_summary_counts(store: Store) -> None:
    assert (await reader(store).summary()).people == 0
    summary = await (await filled(store)).summary()
    assert (summary.people, summary.inactive, summary.groups) == (4, 1, 2)
    assert (summary.changed, summary.changed_by) == (2001.5, "service:x")


TEXTS = st.sampled_from(
    [
        *("", "a", "z", "_", "%", "\ud7ff", "\U0010ffff", "ä", "ann", "dot", "ops", "work"),
        *("ann ärmel", "bob_%", "x1", "X1", "zulu\U0001f600", "İstanbul".lower()),
        *("cid@work.example", "ann@work.example"),
    ]
)
TEXT_FIELDS: tuple[Field, ...] = (
    *("id", "user_name", "external_id", "display_name", "given_name", "family_name"),
    *("address", "address_type", "member", "group"),
)
OPERATORS: tuple[Operator, ...] = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
COMPARISONS = st.one_of(
    st.builds(Compare, st.sampled_from(TEXT_FIELDS), st.sampled_from(OPERATORS), TEXTS),
    st.builds(Compare, st.just("active"), st.sampled_from(["eq", "ne"]), st.booleans()),
    st.builds(
        Compare,
        st.sampled_from(["created", "modified"]),
        st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]),
        st.sampled_from([1000.0, 1002.0, 2000.5]),
    ),
    st.builds(
        Compare,
        st.sampled_from(["display_name", "active", "external_id"]),
        st.sampled_from(["eq", "ne", "gt"]),
        st.none(),
    ),
    st.builds(Present, st.sampled_from((*TEXT_FIELDS, "active", "created"))),
)
ADDRESSES = st.builds(
    AddressWhere,
    st.recursive(
        st.one_of(
            st.builds(
                Compare,
                st.sampled_from(["address", "address_type"]),
                st.sampled_from(OPERATORS),
                TEXTS,
            ),
            st.builds(Present, st.sampled_from(["address", "address_type"])),
        ),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(Every, st.tuples(inner, inner)),
            st.builds(Some, st.tuples(inner, inner)),
        ),
        max_leaves=4,
    ),
)
CONDITIONS = st.recursive(
    st.one_of(COMPARISONS, ADDRESSES),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Every, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(condition=CONDITIONS)
async def test_conditions_mean_what_they_mean_to_a_naive_reader(
    store: Store, condition: Condition
) -> None:
    if (await reader(store).summary()).people == 0:
        await filled(store)
    naive = await filled(MemoryStore())
    for kind in ("user", "group"):
        assert await ids(reader(store), condition, kind) == await ids(naive, condition, kind)
