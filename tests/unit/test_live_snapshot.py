from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from doorward.adapters.live_snapshot import StoreReplica
from doorward.administrator.ports import Revision
from doorward.errors import DoorwardError
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import change
from tests.fakes.store import MemoryStore


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class SilentStore(MemoryStore):
    """Answers the first question about revisions, and then no more."""

    async def revisions(self, after: int) -> AsyncIterator[Revision]:
        yield Revision(number=after, changes=())
        await asyncio.Event().wait()


class FailingStore(MemoryStore):
    """Cannot be reached any more from the moment that `failing` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = asyncio.Event()

    async def revisions(self, after: int) -> AsyncIterator[Revision]:
        yield Revision(number=after, changes=())
        await self.failing.wait()
        raise DoorwardError("store-unavailable", "The store cannot be reached.")


async def publish(store: MemoryStore, name: str) -> int:
    async with store.transaction() as transaction:
        group = Group(id=GroupId(name), name="x")
        return await transaction.snapshot.publish([change("group", group)])


@asynccontextmanager
async def running(replica: StoreReplica) -> AsyncIterator[None]:
    task = asyncio.create_task(replica.run())
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came true")


async def test_it_loads_and_then_follows_and_tells_its_listeners() -> None:
    store = MemoryStore()
    await publish(store, "a")
    replica = StoreReplica(store)
    told: list[int | None] = []
    stop = replica.listen(lambda revision: told.append(revision.number if revision else None))
    async with running(replica):
        assert set((await replica.reached(1)).groups) == {"a"}
        await publish(store, "b")
        assert set((await replica.reached(2)).groups) == {"a", "b"}
        stop()
        await publish(store, "c")
        await replica.reached(3)
    assert told == [None, 2]
    assert replica.current == await store.load()


async def test_it_is_unconfirmed_before_the_store_answers() -> None:
    replica = StoreReplica(MemoryStore())
    assert not replica.confirmed
    async with running(replica):
        await until(lambda: replica.confirmed)


@pytest.mark.parametrize("silence", [0.0, 4.9, 5.0])
async def test_a_store_that_falls_silent_is_not_taken_for_fresh(silence: float) -> None:
    elapsed = Stopwatch()
    replica = StoreReplica(SilentStore(), elapsed)
    async with running(replica):
        await until(lambda: replica.confirmed)
        elapsed.seconds += silence
        assert replica.confirmed == (silence < 5.0)


async def test_a_store_that_fails_is_not_taken_for_fresh() -> None:
    store = FailingStore()
    replica = StoreReplica(store)
    async with running(replica):
        await until(lambda: replica.confirmed)
        store.failing.set()
        await until(lambda: not replica.confirmed)


class SkippingStore(MemoryStore):
    """Leaves out the second revision that it is asked for."""

    async def revisions(self, after: int) -> AsyncIterator[Revision]:
        async for revision in super().revisions(after):
            if revision.number != 2 or not revision.changes:
                yield revision


async def test_a_revision_that_was_left_out_is_not_missed() -> None:
    store = SkippingStore()
    replica = StoreReplica(store)
    async with running(replica):
        await replica.reached(await publish(store, "one"))
        await publish(store, "two")
        snapshot = await replica.reached(await publish(store, "three"))
        assert set(snapshot.groups) == {"one", "two", "three"}


async def test_what_was_just_loaded_is_confirmed_when_listeners_hear_of_it() -> None:
    """A gateway that waits for control would else be told at the next heartbeat only."""
    store = MemoryStore()
    number = await publish(store, "one")
    replica, heard = StoreReplica(store), list[bool]()
    replica.listen(lambda _: heard.append(replica.confirmed))
    async with running(replica):
        await replica.reached(number)
    assert heard[0]
