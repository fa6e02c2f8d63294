"""SQLite where it is asked: the writer's connection, without a thread for each statement.

A statement of a sign-in takes SQLite some microseconds, and a thread ten times as long to hear of
it, several times over. What waits for the disk (COMMIT) and what is long (many rows) still runs in
a thread. Readers, whose searches may be long, are in `threaded_sqlite`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, NullPool, ScalarResult, create_engine

from doorward.adapters.store.threaded_sqlite import in_thread

_FEW_ROWS = 64
BUSY_MILLISECONDS = 5000
"""How long a lock of another process is waited for."""
_ASK_AGAIN_SECONDS = 0.002

P = ParamSpec("P")
T = TypeVar("T")


class InlineConnection:
    """What the store uses of SQLAlchemy's `AsyncConnection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def run_sync(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return work(self._connection, *args, **kwargs)

    async def execute(
        self,
        statement: Executable,
        parameters: Any = None,  # noqa: ANN401 - as SQLAlchemy's
    ) -> CursorResult[Any]:
        if isinstance(parameters, list) and len(parameters) > _FEW_ROWS:
            return await in_thread(None, self._connection.execute, statement, parameters)
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:  # noqa: ANN401
        return self._connection.scalar(statement, parameters)

    async def scalars(
        self,
        statement: Executable,
        parameters: Any = None,  # noqa: ANN401
    ) -> ScalarResult[Any]:
        return self._connection.scalars(statement, parameters)


class SqliteWriter:
    """One connection to the database at `path`, opened when it is first needed.

    `pragmas` are said to it. Transactions must not overlap.
    """

    def __init__(self, path: str, pragmas: Sequence[str]) -> None:
        def connect() -> sqlite3.Connection:
            # The driver must not begin transactions of its own: they would not be IMMEDIATE.
            raw = sqlite3.connect(
                path,
                timeout=BUSY_MILLISECONDS / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            # These may find the file locked, by whoever opens it too; they run in a thread.
            for pragma in (*pragmas, "PRAGMA busy_timeout = 0"):
                raw.execute(pragma)
            return raw

        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        self._connection: Connection | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[InlineConnection]:
        if self._connection is None:
            self._connection = await in_thread(None, self._engine.connect)
        connection = self._connection
        try:
            await _begin(connection)
            yield InlineConnection(connection)
            await in_thread(None, connection.commit)
        except BaseException:
            self._undo(connection)
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _undo(self, connection: Connection) -> None:
        """Roll back; a connection that cannot is not used again.

        After a COMMIT that failed SQLAlchemy says nothing to the database: the driver is asked.
        """
        try:
            connection.rollback()
            raw: Any = connection.connection.driver_connection
            raw.rollback()
        except Exception:  # noqa: BLE001 - whatever it is, the transaction's own error is told
            self._connection = None
            connection.invalidate()
            connection.close()


async def _begin(connection: Connection) -> None:
    """Have the lock, which is nearly always free.

    SQLite's own waiting sleeps longer each time, and loses for ever against a busy writer.
    """
    raw: Any = connection.connection.driver_connection
    patient_until = time.monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > patient_until:
                raise
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        else:
            connection.begin()  # commits or rolls back even where nothing was said in between
            return
