from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import open_store
from doorward.administrator.ports import Store
from tests.contract.stores import private_postgresql
from tests.fakes.store import MemoryHeads, MemoryStore


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a migrated PostgreSQL database."""
    with private_postgresql() as url:
        upgrade(url)
        yield url


def _empty(url: str) -> None:
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        tables = sqlalchemy.inspect(connection).get_table_names()
        # Only the server's superuser can step around the triggers that keep the logs.
        connection.execute(sqlalchemy.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sqlalchemy.text("UPDATE decision_floor SET moment = 0"))
        for table in tables:
            if table not in ("alembic_version", "decision_floor"):
                connection.execute(sqlalchemy.text(f'TRUNCATE "{table}" RESTART IDENTITY'))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of each database in turn, with empty tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'doorward.db'}"
        upgrade(url)
    else:
        url = request.getfixturevalue("postgresql")
        _empty(url)
    return url


@pytest.fixture
def heads() -> MemoryHeads:
    return MemoryHeads()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, heads: MemoryHeads
) -> AsyncIterator[Store]:
    """Each store in turn, empty."""
    if request.param == "memory":
        yield MemoryStore()
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'doorward.db'}"
        await asyncio.to_thread(upgrade, url)
    else:
        url = request.getfixturevalue("postgresql")
        await asyncio.to_thread(_empty, url)
    opened = open_store(url, heads, poll_seconds=0.2)
    yield opened
    await opened.close()
