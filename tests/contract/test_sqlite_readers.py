"""Readers of SQLite: in threads, a whole question at a time, and never all taken by searches."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, text

from doorward.adapters.store import SqlStore, directory_reading, open_store, threaded_sqlite
from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.sqlite import READERS
from doorward.adapters.store.threaded_sqlite import SqliteReaders
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.administrator.directory.ports import Page
from doorward.entrypoints.actors import Actor
from doorward.entrypoints.scim.app import ScimApplication
from doorward.entrypoints.scim.context import ScimContext
from doorward.entrypoints.scim.turns import LOOKUPS_TOGETHER, SEARCHES_TOGETHER
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from tests.fakes.store import MemoryStore, control_plane


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    opened = open_store(url)
    yield opened
    await opened.close()


async def test_statements_run_in_a_thread_and_see_one_moment(tmp_path: Path) -> None:
    writer = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE kept (name TEXT)")
    writer.execute("INSERT INTO kept VALUES ('a'), ('b')")
    readers = SqliteReaders(str(tmp_path / "store.db"), (), 2)

    def names(connection: Connection) -> tuple[int, list[str]]:
        found = connection.scalars(text("SELECT name FROM kept")).all()
        return threading.get_ident(), list(found)

    async with readers.transaction() as reader:
        thread, before = await reader.run_sync(names)
        writer.execute("DELETE FROM kept WHERE name = 'a'")
        assert thread != threading.get_ident()
        assert (before, (await reader.run_sync(names))[1]) == (["a", "b"], ["a", "b"])
    async with readers.transaction() as reader:
        assert await reader.scalar(text("SELECT count(*) FROM kept")) == 1
        assert (await reader.scalars(text("SELECT name FROM kept"))).all() == ["b"]
        assert [row.name for row in await reader.execute(text("SELECT name FROM kept"))] == ["b"]
    readers.close()
    writer.close()


async def test_whoever_finds_no_reader_free_is_told(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threaded_sqlite, "_PATIENCE_SECONDS", 0.05)
    taken, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def hold() -> None:
        async with store._database.reading():
            taken.release()
            await go_on.wait()

    holding = [asyncio.create_task(hold()) for _ in range(READERS)]
    for _ in holding:
        await taken.acquire()
    with pytest.raises(DoorwardError, match="store-unavailable"):
        await store.load()
    go_on.set()
    await asyncio.gather(*holding)
    assert (await store.load()).number == 0


async def test_a_reader_that_failed_is_replaced(store: SqlStore) -> None:
    for _ in range(2 * READERS):
        with pytest.raises(DoorwardError, match="store-unavailable"):
            async with store._database.reading() as connection:
                await connection.execute(text("SELECT * FROM nowhere"))
    assert (await store.load()).number == 0


class _Called:
    """An authenticator that believes what a header says."""

    def actor(
        self, method: str, headers: Mapping[str, str], now: UnixSeconds, area: str = ""
    ) -> Actor:
        return Actor(headers["called"], headers["called"])


async def test_searches_of_all_services_together_leave_a_reader(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = LOOKUPS_TOGETHER + SEARCHES_TOGETHER
    assert together < READERS
    inside, most, go_on = 0, 0, threading.Event()
    counting = threading.Lock()

    def slow(work: Any) -> Any:
        def held(connection: Connection, *args: Any) -> Any:
            nonlocal inside, most
            with counting:
                inside += 1
                most = max(most, inside)
            go_on.wait(10)
            with counting:
                inside -= 1
            return work(connection, *args)

        return held

    monkeypatch.setattr(directory_reading, "_found", slow(lambda *_: Page(0, ())))
    monkeypatch.setattr(directory_reading, "_entries", slow(lambda *_: []))
    context = ScimContext(
        control_plane(MemoryStore()),
        store.directory,
        SlidingWindowThrottle({}),
        _Called(),
        lambda: 1_790_000_000.0,
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=ScimApplication(context)),
        base_url="https://directory.test/scim/v2",
    ) as client:
        asked = [
            asyncio.create_task(
                client.get("/Users", params={"filter": asks}, headers={"called": f"service:{name}"})
            )
            for name in ("a", "b", "c", "d")
            for asks in ('userName co "n"', 'userName co "m"', 'title eq "x"', 'title eq "y"')
        ]
        while inside < together:  # noqa: ASYNC110 - threads count
            await asyncio.sleep(0.005)
        async with asyncio.timeout(5):
            assert (await store.load()).number == 0
        go_on.set()
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
    assert most == together
