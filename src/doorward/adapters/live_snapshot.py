"""The control plane's own replica of the snapshot, fed by the store's revisions."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

import structlog

from doorward.administrator.ports import Revision, Store
from doorward.errors import DoorwardError
from doorward.model.snapshot import Snapshot

_RETRY_SECONDS = 1.0
_CONFIRMED_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class StoreReplica:
    """Port `LiveSnapshot`. `run` keeps it up to date; followers are told of every revision.

    While the store cannot be reached, or does not answer, the replica stays as it is, and
    `confirmed` says no: what the replica says may then be old, and must not be passed on as
    fresh. `elapsed` is a monotonic clock, in seconds.
    """

    def __init__(self, store: Store, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._elapsed = elapsed
        self._confirmed_until = elapsed()
        self._current = Snapshot()
        self._moved = asyncio.Condition()
        self._listeners: set[Callable[[Revision | None], None]] = set()

    @property
    def confirmed(self) -> bool:
        """Whether the store said a moment ago that it holds nothing newer."""
        return self._elapsed() < self._confirmed_until

    @property
    def current(self) -> Snapshot:
        return self._current

    async def reached(self, number: int) -> Snapshot:
        async with self._moved:
            await self._moved.wait_for(lambda: self._current.number >= number)
        return self._current

    def listen(self, listener: Callable[[Revision | None], None]) -> Callable[[], None]:
        """Call `listener` with each revision once it is held. Returns what ends this.

        None stands for the whole snapshot, loaded anew.
        """
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def run(self) -> None:
        """Follow the store for ever."""
        while True:
            try:
                whole = await self._store.load()
                self._confirmed_until = self._elapsed() + _CONFIRMED_SECONDS
                await self._hold(whole, None)
                # The collector would look through the whole snapshot again and again: 100 ms for
                # 2,000 people, in which no signal gets through. It holds no cycles.
                gc.freeze()
                async for revision in self._store.revisions(self._current.number):
                    self._confirmed_until = self._elapsed() + _CONFIRMED_SECONDS
                    if revision.changes:
                        if revision.number != self._current.number + 1:
                            _log.error("revision-out-of-order", number=revision.number)
                            break  # what was missed is not guessed: the whole is loaded again
                        snapshot = self._current.advance(revision.number, revision.changes)
                        await self._hold(snapshot, revision)
            except DoorwardError as error:
                self._confirmed_until = self._elapsed()
                _log.warning("store-not-followed", code=error.code, detail=error.detail)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _hold(self, snapshot: Snapshot, revision: Revision | None) -> None:
        async with self._moved:
            self._current = snapshot
            self._moved.notify_all()
        for listener in tuple(self._listeners):
            listener(revision)
