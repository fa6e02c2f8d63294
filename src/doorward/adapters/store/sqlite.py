"""SQLite: one machine, one control process.

Write-ahead log, so that readers and the writer do not wait for each other; `synchronous=FULL`,
so that what was committed survives kill -9 and power loss. Its connections have the few methods
that the store uses of SQLAlchemy's `AsyncConnection`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.checkpoints import MOST_PAGES, Checkpoints
from doorward.adapters.store.failures import translated
from doorward.adapters.store.inline_sqlite import BUSY_MILLISECONDS, SqliteWriter
from doorward.adapters.store.threaded_sqlite import SqliteReaders

READERS = 6
"""How many connections there are to read by."""

_CACHE_KIBIBYTES = 16 * 1024
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}",
    f"PRAGMA wal_autocheckpoint = {MOST_PAGES}",
)


class SqliteDatabase:
    """The database file at `path`."""

    def __init__(self, path: str) -> None:
        busy = f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}"
        self._readers = SqliteReaders(path, (busy, *_PRAGMAS), READERS)
        self._writer = SqliteWriter(path, _PRAGMAS)
        self._checkpoints = Checkpoints(path)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with translated():
            async with self._readers.transaction() as connection:
                yield cast("AsyncConnection", connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            with translated():
                async with self._writer.transaction() as connection:
                    yield cast("AsyncConnection", connection)
            self._checkpoints.committed()

    def logging(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self.writing()

    async def announce(self, connection: AsyncConnection) -> None:
        """Nobody else to tell."""

    @asynccontextmanager
    async def listen(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Hears nothing: one control process has a SQLite file to itself."""
        del wake
        yield

    async def close(self) -> None:
        await self._checkpoints.close()
        self._readers.close()
        self._writer.close()
