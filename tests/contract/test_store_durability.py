"""What was committed survives kill -9 of the writer, and several writers lose nothing."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from doorward.adapters.audit_head import SignedAuditHead
from doorward.adapters.store import open_store
from doorward.administrator.verify_audit import verify_audit
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import change
from tests.contract.writer import KEY
from tests.tools import PROJECT

KILLS = 3


def start_writer(url: str, head: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.writer", url, head],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_at_random(url: str, head: Path) -> int:
    """The last number that the killed writer said it had committed."""
    process = start_writer(url, head)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(random.uniform(0.0, 0.25))
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    return int([line for line in (first + rest).split("\n")[:-1] if line][-1])


async def test_kill_minus_nine_loses_no_committed_change(store_url: str, tmp_path: Path) -> None:
    heads = SignedAuditHead(tmp_path / "head.json", KEY)
    said = 0
    for _ in range(KILLS):
        last = await asyncio.to_thread(kill_at_random, store_url, tmp_path / "head.json")
        assert last > said
        said = last
        store = open_store(store_url, heads)
        snapshot = await store.load()
        # The one after the last may have been committed and not yet said.
        assert snapshot.number in {said, said + 1}
        assert set(snapshot.groups) == {f"g{number}" for number in range(1, snapshot.number + 1)}
        verdict = await verify_audit(store, heads)
        assert (verdict.entries, verdict.fault) == (snapshot.number, None)
        await store.close()


async def test_writers_in_two_processes_lose_no_update(store_url: str, tmp_path: Path) -> None:
    writers = [start_writer(store_url, tmp_path / f"{name}.json") for name in ("a", "b")]
    said: list[int] = []
    try:
        for _ in range(8):
            for writer in writers:
                assert writer.stdout is not None
                said.append(int(await asyncio.to_thread(writer.stdout.readline)))
    finally:
        for writer in writers:
            writer.kill()
            assert writer.stdout is not None
            said += [int(line) for line in writer.stdout.read().split("\n")[:-1] if line]
            writer.wait()
            writer.stdout.close()
    store = open_store(store_url)
    snapshot = await store.load()
    await store.close()
    assert len(said) == len(set(said))
    assert set(snapshot.groups) == {f"g{number}" for number in range(1, snapshot.number + 1)}
    assert set(said) <= set(range(1, snapshot.number + 1))


async def test_a_follower_sees_another_process_write(store_url: str) -> None:
    writer, reader = open_store(store_url), open_store(store_url, poll_seconds=0.3)
    revisions = reader.revisions(0)
    assert (await anext(revisions)).number == 0
    async with writer.transaction() as transaction:
        await transaction.snapshot.publish([change("group", Group(id=GroupId("g"), name="x"))])
    async with asyncio.timeout(5):
        while not (seen := await anext(revisions)).changes:
            pass
    assert seen.number == 1
    await revisions.aclose()  # type: ignore[attr-defined]
    await writer.close()
    await reader.close()


async def test_a_late_follower_misses_nothing_that_another_process_wrote(store_url: str) -> None:
    here, elsewhere = open_store(store_url), open_store(store_url)
    for writer, name in ((here, "a"), (elsewhere, "b"), (here, "c")):
        async with writer.transaction() as transaction:
            group = Group(id=GroupId(name), name=name)
            await transaction.snapshot.publish([change("group", group)])
    heard: list[int] = []
    async with asyncio.timeout(10):
        async for revision in here.revisions(0):
            heard.append(revision.number)
            if revision.number == 3:
                break
    assert heard == [1, 2, 3]
    await here.close()
    await elsewhere.close()
