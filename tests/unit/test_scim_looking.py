"""Filters that the directory cannot look up: right, bounded, and one at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import msgspec
import pytest

from doorward.administrator.directory.conditions import Query
from doorward.administrator.directory.ports import Page
from doorward.entrypoints.scim import looking
from doorward.entrypoints.scim.turns import LOOKUPS, LOOKUPS_WAITING, MAX_WAITING, Turns
from tests.fakes.provisioning import ENTERPRISE, USER, ScimDesk

PHONE = [{"value": "+49 30 7", "type": "work"}]


@pytest.fixture
async def desk() -> ScimDesk:
    desk = ScimDesk()
    for number, name in enumerate(["ann", "bob", "cid", "dot", "eve"]):
        await desk.made(
            "Users",
            userName=name,
            title="Dr." if number % 2 else "Mx.",
            schemas=[USER, ENTERPRISE],
            phoneNumbers=PHONE if number > 2 else None,
            profileUrl=f"https://{name}.example/",
            **{ENTERPRISE: {"employeeNumber": str(number)}},
        )
    return desk


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('title eq "DR."', ["bob", "dot"]),
        (f'{ENTERPRISE}:employeeNumber eq "2"', ["cid"]),
        ('phoneNumbers[type eq "work" and value ew "7"]', ["dot", "eve"]),
        ('not (phoneNumbers pr) and title ne "Dr."', ["ann", "cid"]),
        ('userName sw "b" and title pr', ["bob"]),
        ('profileUrl eq "https://cid.example/"', ["cid"]),
    ],
)
async def test_what_has_no_column_is_found(desk: ScimDesk, text: str, found: list[str]) -> None:
    assert await desk.found("Users", text) == found


async def test_sorting_by_what_has_no_column_pages(desk: ScimDesk) -> None:
    path = "/Users?sortBy=title&sortOrder=descending&startIndex=2&count=2"
    page = (await desk.send("GET", path)).json()
    assert page["totalResults"] == 5
    assert [item["id"] for item in page["Resources"]] == ["cid", "ann"]


async def test_a_member_in_brackets_is_looked_up(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.made("Groups", displayName="Ops", members=[{"value": "ann"}])
    monkeypatch.setattr(looking, "SECONDS", -1.0)
    assert await desk.found("Groups", 'members[value eq "ann"]') == ["ops"]
    assert await desk.found("Users", 'groups[value eq "ops"]') == ["ann"]
    assert await desk.found("Users", 'groups[value eq "none"]') == []


@pytest.mark.parametrize(("bound", "value"), [("SECONDS", -1.0), ("MAX_FOUND", 1)])
@pytest.mark.parametrize("text", ['title co "."', 'profileUrl co "example"'])
async def test_too_much_to_look_through_is_told(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch, bound: str, value: float, text: str
) -> None:
    monkeypatch.setattr(looking, bound, value)
    answer = await desk.send("GET", f"/Users?filter={text}")
    assert answer.status_code == 400
    assert answer.json()["scimType"] == "tooMany"
    assert "externalId" in answer.json()["detail"]
    assert await desk.found("Users", 'userName eq "ann"') == ["ann"]


async def test_documents_are_looked_through_off_the_loop(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding: set[int] = set()
    decode = msgspec.json.decode

    def noted(body: bytes) -> Any:
        decoding.add(threading.get_ident())
        return decode(body)

    monkeypatch.setattr(msgspec.json, "decode", noted)
    assert await desk.found("Users", 'title eq "dr."') == ["bob", "dot"]
    assert decoding
    assert threading.get_ident() not in decoding


async def test_one_service_leaves_connections_to_read_by(
    desk: ScimDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large filters take seconds each in a large directory."""
    find, inside, most = desk.store.directory.find, 0, 0

    async def slow(query: Query) -> Page:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1
        return await find(query)

    monkeypatch.setattr(desk.store.directory, "find", slow)
    asked = (desk.send("GET", '/Users?filter=userName co "n"') for _ in range(80))
    answers = await asyncio.gather(*asked)
    assert most == LOOKUPS
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == LOOKUPS + LOOKUPS_WAITING
    assert statuses.count(429) == 80 - LOOKUPS - LOOKUPS_WAITING


async def test_each_actor_looks_one_at_a_time_and_few_wait() -> None:
    turns, inside, most = Turns(), 0, 0

    async def search(actor: str) -> int:
        nonlocal inside, most
        try:
            async with turns.turn(actor):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1
        except Exception as error:  # noqa: BLE001 - its status is what is looked at
            return int(getattr(error, "status", 0))
        return 200

    answers = await asyncio.gather(*(search("service:a") for _ in range(MAX_WAITING + 3)))
    assert most == 1
    assert sorted(answers) == [200] * (MAX_WAITING + 1) + [429] * 2
    others = await asyncio.gather(search("service:a"), search("service:b"))
    assert list(others) == [200, 200]
    assert most == 2
    assert not turns._asked
    assert not turns._turns


async def test_all_actors_together_have_so_many_turns_and_none_takes_anothers() -> None:
    turns, inside, go_on = Turns(at_once=2, waiting=8, together=3), list[str](), asyncio.Event()

    async def search(actor: str) -> None:
        async with turns.turn(actor):
            inside.append(actor)
            await go_on.wait()

    searches = [asyncio.create_task(search(actor)) for actor in ("a", "a", "a", "a", "b", "c")]
    for _ in range(5):
        await asyncio.sleep(0)
    assert inside == ["a", "a", "b"]
    go_on.set()
    await asyncio.gather(*searches)
    assert sorted(inside) == ["a", "a", "a", "a", "b", "c"]
    assert not turns._asked
    assert not turns._turns
