"""PostgreSQL: several control processes share one store.

An advisory lock, held by a transaction to its end, gives writers their turn; revisions are
announced with NOTIFY. Reads are REPEATABLE READ, so that all of one load is of one moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from doorward.adapters.store.failures import translated

_CONNECTIONS = 8
_CHANNEL = "doorward_revision"
_WRITER_LOCK = 0x646F6F7277617264
_LOG_LOCK = _WRITER_LOCK + 1
_RECONNECT_SECONDS = 1.0
_CONNECT_SECONDS = 5
_OPTIONS = (
    "-c synchronous_commit=on -c lock_timeout=5s -c statement_timeout=30s"
    " -c idle_in_transaction_session_timeout=30s"
)


class PostgresqlDatabase:
    """A database; `url` names the driver psycopg."""

    def __init__(self, url: URL) -> None:
        engine = create_async_engine(
            url,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"options": _OPTIONS, "connect_timeout": _CONNECT_SECONDS},
        )
        self._engine = engine
        self._readers = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._listen_url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        # Those who wait for a turn must not hold connections that readers need.
        self._writer_turn = asyncio.Lock()
        self._log_turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with translated():
            async with self._readers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer_turn, _locked(self._engine, _WRITER_LOCK) as connection:
            yield connection

    @asynccontextmanager
    async def logging(self) -> AsyncIterator[AsyncConnection]:
        async with self._log_turn, _locked(self._engine, _LOG_LOCK) as connection:
            yield connection

    async def announce(self, connection: AsyncConnection) -> None:
        await connection.execute(text(f"NOTIFY {_CHANNEL}"))

    @asynccontextmanager
    async def listen(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        listening = asyncio.create_task(self._listen(wake), name="postgresql-listen")
        try:
            yield
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def close(self) -> None:
        await self._engine.dispose()

    async def _listen(self, wake: Callable[[], None]) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                connection = await psycopg.AsyncConnection.connect(
                    self._listen_url, autocommit=True, connect_timeout=_CONNECT_SECONDS
                )
                async with connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    wake()
                    async for _ in connection.notifies():
                        wake()
            await asyncio.sleep(_RECONNECT_SECONDS)


@asynccontextmanager
async def _locked(engine: AsyncEngine, lock: int) -> AsyncIterator[AsyncConnection]:
    with translated():
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
            yield connection
