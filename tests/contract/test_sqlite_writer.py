"""The writer of SQLite runs on the event loop, and waits for others in a thread."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from doorward.adapters.store import SqlStore, open_store
from doorward.adapters.store.inline_sqlite import SqliteWriter
from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.threaded_sqlite import in_thread
from doorward.administrator.ports import AuditHead
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import change
from tests.fakes.store import MemoryHeads


def store_at(path: Path) -> SqlStore:
    upgrade(f"sqlite:///{path}")
    return open_store(f"sqlite:///{path}")


def group(name: str) -> Group:
    return Group(id=GroupId(name), name=name)


async def test_the_loop_goes_on_while_another_process_holds_the_lock(tmp_path: Path) -> None:
    store = store_at(tmp_path / "store.db")
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("first"))])
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with store.transaction() as transaction:
            await transaction.snapshot.publish([change("group", group("staff"))])

    writing = asyncio.create_task(write())
    longest, before = 0.0, time.monotonic()
    for _ in range(30):
        await asyncio.sleep(0.01)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    assert not writing.done()
    assert longest < 0.25
    other.execute("COMMIT")
    other.close()
    await asyncio.wait_for(writing, 10)
    assert set((await store.load()).groups) == {"first", "staff"}
    await store.close()


async def test_a_transaction_that_says_nothing_hinders_nobody(tmp_path: Path) -> None:
    store = store_at(tmp_path / "store.db")
    async with store.transaction():
        pass
    with pytest.raises(ZeroDivisionError):
        async with store.transaction():
            raise ZeroDivisionError
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("last"))])
    assert "last" in (await store.load()).groups
    await store.close()


@pytest.mark.parametrize("rows", [1, 500])
async def test_a_writer_that_is_cancelled_leaves_nothing_and_hinders_nobody(
    tmp_path: Path, rows: int
) -> None:
    store = store_at(tmp_path / "store.db")
    for delay in (0.0, 0.0005, 0.001, 0.002, 0.004):

        async def write() -> None:
            async with store.transaction() as transaction:
                groups = [change("group", group(f"g{number}")) for number in range(rows)]
                await transaction.snapshot.publish(groups)

        writing = asyncio.create_task(write())
        await asyncio.sleep(delay)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        snapshot = await store.load()
        assert len(snapshot.groups) in {0, rows}
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("last"))])
    assert "last" in (await store.load()).groups
    await store.close()


async def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    """Without a write-ahead log, a reader keeps COMMIT from what BEGIN IMMEDIATE was given."""
    writer = SqliteWriter(str(tmp_path / "store.db"), ["PRAGMA journal_mode = DELETE"])
    async with writer.transaction() as connection:
        await connection.execute(text("CREATE TABLE kept (name TEXT)"))
    reader = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM kept").fetchall()
    with pytest.raises(OperationalError, match="locked"):
        async with writer.transaction() as connection:
            await connection.execute(text("INSERT INTO kept VALUES ('lost')"))
    reader.execute("COMMIT")
    async with writer.transaction() as connection:
        await connection.execute(text("INSERT INTO kept VALUES ('kept')"))
    assert reader.execute("SELECT name FROM kept").fetchall() == [("kept",)]
    reader.close()
    writer.close()


async def test_a_thread_is_waited_for_however_often_the_waiting_is_cancelled() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(5)
        ended.set()

    waiting = asyncio.create_task(in_thread(None, work))
    while not begun.is_set():  # noqa: ASYNC110 - the event is a thread's
        await asyncio.sleep(0.001)
    for _ in range(3):
        waiting.cancel()
        await asyncio.sleep(0.01)
    assert not waiting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()


async def test_a_file_that_is_locked_while_it_is_opened_is_waited_for(tmp_path: Path) -> None:
    """As it is for a moment when two connections open it at once."""
    store = store_at(tmp_path / "store.db")
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("CREATE TABLE kept (n INTEGER)")
    timer = threading.Timer(0.3, other.close)
    timer.start()
    begun = time.monotonic()
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("staff"))])
    assert time.monotonic() > begun + 0.2
    timer.join()
    await store.close()


async def test_followers_hear_what_this_process_commits_without_the_database(
    tmp_path: Path,
) -> None:
    store = store_at(tmp_path / "store.db")
    heard: list[int] = []

    async def follow() -> None:
        async for revision in store.revisions(0):
            if revision.changes:
                heard.append(revision.number)  # noqa: PERF401 - it never ends

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.05)
    for number in range(1, 6):
        async with store.transaction() as transaction:
            await transaction.snapshot.publish([change("group", group(f"g{number}"))])
    other = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    async with other.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("elsewhere"))])
    await other.close()
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("here"))])
    async with asyncio.timeout(5):
        while len(heard) < 7:  # noqa: ASYNC110 - a follower has no event of its own
            await asyncio.sleep(0.01)
    assert heard == [1, 2, 3, 4, 5, 6, 7]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await store.close()


async def test_the_log_is_moved_into_the_database_beside_the_commits(tmp_path: Path) -> None:
    """No commit waits for that: SQLite itself would do it in the one that fills 1,000 pages."""
    database, written = tmp_path / "store.db", 8_000_000
    store = store_at(database)

    async def write(name: str) -> None:
        documents = [change("group", Group(id=GroupId(name), name="x" * written))]
        async with store.transaction() as transaction:
            await transaction.snapshot.publish(documents)

    checkpoints = store._database._checkpoints  # type: ignore[attr-defined]
    checkpoints._next = math.inf
    await write("large")
    assert database.stat().st_size < written
    checkpoints._next = 0.0
    async with asyncio.timeout(10):
        while database.stat().st_size < written:
            await asyncio.sleep(0.2)
            async with store.transaction():
                pass
    await store.close()
    assert not database.with_name("store.db-wal").exists()


async def test_the_signed_end_follows_once_for_many_acts(tmp_path: Path) -> None:
    class Counting(MemoryHeads):
        moves = 0

        async def record(self, head: AuditHead) -> None:
            self.moves += 1
            await super().record(head)

    upgrade(url := f"sqlite:///{tmp_path / 'store.db'}")
    heads = Counting()
    store = open_store(url, heads)
    for number in range(20):
        async with store.transaction() as transaction:
            await transaction.audit.append(
                at=number, actor="user:alice", act="signed-in", target="x", detail={}
            )
    assert heads.head is not None
    assert heads.head.seq >= 1
    await store.close()
    assert heads.head.seq == 20
    assert heads.moves < 20


async def test_a_close_that_is_cancelled_ends_neither_the_checkpoint_nor_the_signed_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(MemoryHeads):
        async def record(self, head: AuditHead) -> None:
            await writable.wait()
            await super().record(head)

    upgrade(url := f"sqlite:///{tmp_path / 'store.db'}")
    heads, writable, moving = Slow(), asyncio.Event(), threading.Event()
    store = open_store(url, heads)
    monkeypatch.setattr(store._database._checkpoints, "_move", moving.wait)  # type: ignore[attr-defined]

    async def close_and_cancel() -> None:
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.02)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing

    writable.set()
    for number in (1, 2):
        async with store.transaction() as transaction:
            await transaction.audit.append(
                at=number, actor="user:alice", act="signed-in", target="x", detail={}
            )
        writable.clear()
    await close_and_cancel()
    writable.set()
    await close_and_cancel()
    moving.set()
    await store.close()
    assert heads.head is not None
    assert heads.head.seq == 2
    assert not (tmp_path / "store.db-wal").exists()


async def test_a_checkpoint_makes_no_file_anew_whose_log_would_be_deleted(tmp_path: Path) -> None:
    database = tmp_path / "the store #1.db"
    store = store_at(database)
    checkpoints = store._database._checkpoints  # type: ignore[attr-defined]
    checkpoints._next = math.inf
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("group", group("kept"))])
    log = database.with_name(f"{database.name}-wal")
    written = log.stat().st_size
    database.rename(tmp_path / "elsewhere.db")
    await asyncio.to_thread(checkpoints._move)
    assert not database.exists()
    assert log.stat().st_size == written
    (tmp_path / "elsewhere.db").rename(database)
    assert "kept" in (await store.load()).groups
    await store.close()
