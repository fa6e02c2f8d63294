"""A store that cannot be written says so, and nothing is half done."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from doorward.adapters.store import open_store
from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import SqlStore
from doorward.errors import DoorwardError
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import change
from tests.contract.test_store_contract import record
from tests.tools import PROJECT

READ_ONLY = """
import asyncio, concurrent.futures.thread, os, sys
from doorward.errors import DoorwardError
from doorward.adapters.store import open_store
from doorward.model.estate import Group
from doorward.model.snapshot import change

async def main(store):
    try:
        async with store.transaction() as transaction:
            await transaction.snapshot.publish([change("group", Group(id="g", name="x"))])
    except DoorwardError as error:
        print(error.code)

# Everything is imported before: the account below may read nothing else.
store = open_store(sys.argv[1])
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main(store))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with one megabyte of room."""
    mount = shutil.which("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.getuid() != 0 or mount is None:
        pytest.skip("a small file system needs root")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def publish(store: SqlStore, number: int, *, size: int = 10) -> None:
    async with store.transaction() as transaction:
        group = Group(id=GroupId(f"g{number}"), name="x" * size)
        await transaction.snapshot.publish([change("group", group)])
        await transaction.audit.append(at=1.0, actor="a", act="b", target="c", detail={})


async def fill(store: SqlStore) -> None:
    for number in range(1, 1000):
        await publish(store, number, size=20_000)


async def test_a_full_disk_loses_nothing_and_applies_nothing_by_half(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk / 'doorward.db'}"
    upgrade(url)
    store = open_store(url)
    with pytest.raises(DoorwardError, match="store-full"):
        await fill(store)
    with pytest.raises(DoorwardError, match="store-full"):
        await store.append_decisions([record(number, path="/" * 9000) for number in range(200)])
    snapshot = await store.load()
    done = snapshot.number
    assert done > 0
    assert len(snapshot.groups) == done
    async with store.transaction() as transaction:
        assert len(await transaction.audit.entries(after=0, limit=1000)) == done
    await store.close()


def test_a_store_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    # Not below pytest's own folder, into which nobody else may look.
    folder = Path("/tmp") / f"doorward-read-only-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        upgrade(f"sqlite:///{folder / 'doorward.db'}")
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        run = subprocess.run(
            [sys.executable, "-c", READ_ONLY, f"sqlite:///{folder / 'doorward.db'}"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    assert run.stdout.split() == ["store-read-only"], run.stderr


async def test_a_document_that_somebody_broke_is_reported(store_url: str) -> None:
    store = open_store(store_url)
    await publish(store, 1)
    engine = sqlalchemy.create_engine(store_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE snapshot_document SET body = '{'"))
    engine.dispose()
    with pytest.raises(DoorwardError, match="store-corrupt"):
        await store.load()
    await store.close()


async def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "doorward.db"
    file.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(DoorwardError, match="store-corrupt"):
        upgrade(f"sqlite:///{file}")


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all.db", "postgresql://doorward@/postgres?host=/nowhere/at/all"],
)
async def test_a_store_that_is_not_there_is_unavailable(url: str) -> None:
    store = open_store(url)
    with pytest.raises(DoorwardError, match="store-unavailable"):
        await store.load()
    with pytest.raises(DoorwardError, match="store-unavailable"):
        upgrade(url)
    await store.close()
    await asyncio.sleep(0.1)  # the thread of the connection that failed still has an answer to give
