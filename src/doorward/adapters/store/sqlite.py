"""SQLite: one machine, one control process.

Write-ahead log, so that readers and the writer do not wait for each other; `synchronous=FULL`,
so that what was committed survives kill -9 and power loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

from sqlalchemy import URL, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from doorward.adapters.store.checkpoints import MOST_PAGES, Checkpoints
from doorward.adapters.store.failures import translated
from doorward.adapters.store.inline_sqlite import BUSY_MILLISECONDS, SqliteWriter

_READERS = 4
_CACHE_KIBIBYTES = 16 * 1024
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}",
    f"PRAGMA wal_autocheckpoint = {MOST_PAGES}",
)


class SqliteDatabase:
    """A database file; `url` names the driver aiosqlite."""

    def __init__(self, url: URL) -> None:
        self._readers = create_async_engine(url, pool_size=_READERS, max_overflow=0)
        event.listen(self._readers.sync_engine, "connect", _prepare)
        event.listen(self._readers.sync_engine, "begin", _begin)
        self._writer = SqliteWriter(url.database or "", _PRAGMAS)
        self._checkpoints = Checkpoints(url.database or "")
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with translated():
            async with self._readers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            with translated():
                async with self._writer.transaction() as connection:
                    # Its three methods are all that the store uses of one.
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
        await self._readers.dispose()
        self._writer.close()


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    cursor = connection.cursor()
    for pragma in (f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}", *_PRAGMAS):
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
