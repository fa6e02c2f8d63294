"""SQLite where it is asked: the writer's connection, without a thread for each statement.

A statement of a sign-in takes SQLite some microseconds, and a thread ten times as long to hear of
it, several times over. What waits for the disk or for another process' lock (BEGIN, COMMIT) and
what is long (many rows) still runs in a thread. Readers, whose searches may be long, stay with
aiosqlite, whose shape this module imitates as far as SQLAlchemy's dialect asks for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ParamSpec, Self, TypeVar

_FEW_ROWS = 64
BUSY_MILLISECONDS = 5000
"""How long a lock of another process is waited for."""

P = ParamSpec("P")
T = TypeVar("T")


async def _in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `call` in a thread, to its end even where the waiting is cancelled.

    A connection is used by one thread at a time: nobody may go on with it before this has ended.
    """
    task = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        raise


class InlineCursor:
    """What `aiosqlite.Cursor` offers to SQLAlchemy."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> object:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        if sql.startswith("BEGIN"):
            await self._begin(sql)
        elif sql.startswith("PRAGMA"):
            await _in_thread(self._cursor.execute, sql, parameters)
        else:
            self._cursor.execute(sql, parameters)
        return self

    async def _begin(self, sql: str) -> None:
        """At once where nobody holds the lock, which is nearly always; else wait in a thread."""
        self._cursor.execute("PRAGMA busy_timeout = 0")
        try:
            self._cursor.execute(sql)
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise
        finally:
            self._cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        await _in_thread(self._cursor.execute, sql)

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        if len(parameters) > _FEW_ROWS:
            await _in_thread(self._cursor.executemany, sql, parameters)
        else:
            self._cursor.executemany(sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()


class InlineConnection:
    """What `aiosqlite.Connection` offers to SQLAlchemy."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def isolation_level(self) -> str | None:
        return self._connection.isolation_level

    def cursor(self) -> InlineCursor:
        return InlineCursor(self._connection.cursor())

    async def create_function(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as sqlite3's
        self._connection.create_function(*args, **kwargs)

    async def commit(self) -> None:
        await _in_thread(self._connection.commit)

    async def rollback(self) -> None:
        self._connection.rollback()

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """End. A cursor that somebody still holds would keep the lock without the rollback."""
        with suppress(sqlite3.Error):
            self._connection.rollback()
        self._connection.close()


def inline_connection(path: str) -> InlineConnection:
    """A connection that begins no transaction by itself."""
    return InlineConnection(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False, uri=False)
    )
