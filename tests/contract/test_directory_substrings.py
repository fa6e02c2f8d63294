"""What an index of substrings finds is what a look at every name finds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward.adapters.store import directory_reading, directory_trigrams
from doorward.administrator.directory.conditions import (
    Compare,
    Condition,
    Every,
    Not,
    Order,
    Query,
    Some,
)
from doorward.administrator.directory.entries import Details, EntryKind, folded
from doorward.administrator.ports import Store
from tests.contract.test_directory_contract import entry, ids, reader
from tests.fakes.provisioning import ScimDesk
from tests.fakes.store import MemoryStore

NAMES = (
    *("Ann Ärmel", "ann a\u0308rmel", 'Say "Ann"', "50% _off_ !now!", "a\\b%c"),
    *("\u03a3\u0391\u03a3", "İstanbul", "Straße", "STRASSE", "佐藤 美咲"),
    *("\U0001f600\U0001f600\U0001f600!", "OR AND NOT", "ab", "a", "Zoë O'Neil*"),
    *("\U0010ffff\U0010ffff\U0010ffff", "NEAR(ann)", "x:ann", "   "),
)
PIECES = sorted(
    {
        folded(name)[start : start + length]
        for name in NAMES
        for length in (1, 2, 3, 4, 7)
        for start in range(len(name))
    }
    | {"", "zzz", '"""', "%%%", "___", "ann OR", "*"}
)


async def named(store: Store) -> None:
    async with store.transaction() as transaction:
        for number, name in enumerate(NAMES):
            details = Details(display_name=name, user_name=f"u{number:02d}", active=number % 3 > 0)
            await transaction.directory.put(entry("user", f"u{number:02d}"), details)
            group = entry("group", f"g{number:02d}")
            await transaction.directory.put(group, Details(display_name=name))


def expected(piece: str, op: str = "co") -> list[str]:
    return [
        f"u{number:02d}"
        for number, name in enumerate(map(folded, NAMES))
        if (piece in name if op == "co" else name.endswith(piece))
    ]


@settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(piece=st.sampled_from(PIECES), other=st.sampled_from(PIECES))
async def test_names_with_a_piece_are_found(store: Store, piece: str, other: str) -> None:
    directory = reader(store)
    if (await directory.summary()).people == 0:
        await named(store)
    contains, ends = Compare("display_name", "co", piece), Compare("display_name", "ew", other)
    both = [item for item in expected(piece) if item in expected(other, "ew")]
    either = sorted({*expected(piece), *expected(other, "ew")})
    cases: list[tuple[Condition, list[str]]] = [
        (contains, expected(piece)),
        (Every((contains, ends)), both),
        (Some((contains, ends)), either),
        (Every((Not(contains), ends)), [i for i in expected(other, "ew") if i not in both]),
        (
            Every((contains, Compare("active", "eq", value=True))),
            [item for item in expected(piece) if int(item[1:]) % 3],
        ),
    ]
    for condition, wanted in cases:
        assert await ids(directory, condition) == wanted
    assert await ids(directory, contains, "group") == [f"g{i[1:]}" for i in expected(piece)]


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "\\ud800"',
        'displayName co "ann\\udfff"',
        'displayName co "ann\\u0000"',
        'emails[value sw "\\ud800"]',
        'id ge "\\udfff"',
    ],
)
async def test_what_no_database_takes_as_text_is_in_nobodys_name(store: Store, text: str) -> None:
    """Half of a surrogate pair, which JSON can say."""
    await named(store)
    behind: Any = MemoryStore()
    behind.directory = reader(store)
    desk = ScimDesk(behind)
    assert await desk.found("Users", text) == []
    assert len(await desk.found("Users", f"not ({text})")) == len(NAMES)


async def test_what_the_index_takes_for_the_same_is_not(store: Store) -> None:
    async with store.transaction() as transaction:
        details = Details(display_name="odd \ufffd mark")
        await transaction.directory.put(entry("user", "odd"), details)
    for character, found in (("\ufffd", ["odd"]), ("\ufffe", []), ("\uffff", [])):
        contains = Compare("display_name", "co", f"odd {character} m")
        assert await ids(reader(store), contains) == found


async def test_a_name_that_is_changed_or_gone_is_not_found(store: Store) -> None:
    await named(store)
    async with store.transaction() as transaction:
        await transaction.directory.put(entry("user", "u00"), Details(display_name="Somebody"))
        await transaction.directory.put(entry("user", "u01"), Details(user_name="nameless"))
        await transaction.directory.remove(entry("user", "u02"))
    directory = reader(store)
    assert await ids(directory, Compare("display_name", "co", "ann")) == ["u16", "u17"]
    assert await ids(directory, Compare("display_name", "co", "mebod")) == ["u00"]


async def test_an_exception_leaves_the_names_as_they_were(store: Store) -> None:
    await named(store)

    async def broken() -> None:
        async with store.transaction() as transaction:
            await transaction.directory.put(entry("user", "u00"), Details(display_name="Somebody"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    directory = reader(store)
    assert await ids(directory, Compare("display_name", "co", "mebod")) == []
    assert "u00" in await ids(directory, Compare("display_name", "co", "ann"))


@pytest.mark.parametrize("piece", ["ann", "an", "a", "l*", "\U0010ffff", "  "])
async def test_where_many_have_it_all_names_are_looked_through(
    store: Store, monkeypatch: pytest.MonkeyPatch, piece: str
) -> None:
    await named(store)
    contains = Compare("display_name", "co", piece)
    assert await ids(reader(store), contains) == expected(piece)
    monkeypatch.setattr(directory_trigrams, "_PLACES", 2)
    assert await ids(reader(store), contains) == expected(piece)
    monkeypatch.setattr(directory_reading, "_MANY", 2)
    assert await ids(reader(store), contains) == expected(piece)


async def test_the_mark_that_ends_names_in_the_index_is_in_none(store: Store) -> None:
    await named(store)
    for mark in ("\x1f", "\x1f\x1f", "n\x1f", "ann\x1f"):
        assert await ids(reader(store), Compare("display_name", "co", mark)) == []
    async with store.transaction() as transaction:
        await transaction.directory.put(entry("user", "odd"), Details(display_name="Ann\x1f"))
    assert await ids(reader(store), Compare("display_name", "co", "n\x1f")) == ["odd"]


@pytest.mark.parametrize("many", [2, 10_000])
async def test_names_are_paged_in_order_with_their_total(
    store: Store, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(directory_reading, "_MANY", many)
    await named(store)
    found = expected("ann")
    where: dict[EntryKind, Condition] = {"user": Compare("display_name", "co", "ann")}
    for offset, limit in ((0, 2), (1, 2), (0, 0), (2, None), (99, 2)):
        for order in (None, Order("user_name"), Order("id", descending=True)):
            turned = found[::-1] if order is not None and order.descending else found
            wanted = turned[offset:][:limit]
            query = Query(where=where, order=order, offset=offset, limit=limit)
            page = await reader(store).find(query)
            assert (page.total, [item.id for item in page.entries]) == (len(found), wanted)
