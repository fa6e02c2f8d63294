"""Readers of SQLite: what they ask, which may be long, runs in a thread, all of a call at once.

A hop to a thread and back takes longer than most of SQLite's answers. So a row is never fetched
by itself, and `run_sync` does a whole page, several statements and what is made of them, in one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Executable, NullPool, Result, ScalarResult, create_engine

_PATIENCE_SECONDS = 30.0

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(
    threads: Executor | None, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run `call` in one of `threads`, to its end even where the waiting is cancelled.

    A connection is used by one thread at a time: nobody may go on with it before this has ended.
    """
    loop = asyncio.get_running_loop()
    running = loop.run_in_executor(threads, lambda: call(*args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise


class ThreadedConnection:
    """What the store uses of SQLAlchemy's `AsyncConnection` to read."""

    def __init__(self, connection: Connection, threads: Executor) -> None:
        self._connection = connection
        self._threads = threads

    async def run_sync(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await in_thread(self._threads, work, self._connection, *args, **kwargs)

    async def execute(
        self,
        statement: Executable,
        parameters: Any = None,  # noqa: ANN401 - as SQLAlchemy's
    ) -> Result[Any]:
        return await self.run_sync(_fetched, statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:  # noqa: ANN401
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(
        self,
        statement: Executable,
        parameters: Any = None,  # noqa: ANN401
    ) -> ScalarResult[Any]:
        return (await self.execute(statement, parameters)).scalars()


class SqliteReaders:
    """So many connections to the database at `path`, each opened when it is first needed.

    `pragmas` are said to each. Whoever wants one while all are taken waits, and not for ever.
    """

    def __init__(self, path: str, pragmas: Sequence[str], number: int) -> None:
        def connect() -> sqlite3.Connection:
            raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in pragmas:
                raw.execute(pragma)
            return raw

        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        self._threads = ThreadPoolExecutor(number, "sqlite-reader")
        self._free = asyncio.Semaphore(number)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[ThreadedConnection]:
        """Raises TimeoutError where none became free."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self._free.acquire()
        try:
            # The last one used: its cache holds what is asked for most.
            connection = self._idle.pop() if self._idle else await self._opened()
            try:
                with connection.begin():
                    connection.exec_driver_sql("BEGIN")
                    yield ThreadedConnection(connection, self._threads)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self._threads.shutdown(wait=False)

    async def _opened(self) -> Connection:
        return await in_thread(self._threads, self._engine.connect)


def _fetched(connection: Connection, statement: Executable, parameters: Any) -> Result[Any]:  # noqa: ANN401
    return connection.execute(statement, parameters).freeze()()
