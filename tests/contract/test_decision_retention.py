"""The decision log lets go of what is older than it is to be kept, and says so in the audit."""

from __future__ import annotations

import asyncio

import pytest

from doorward.administrator.ports import AuditEntry, DecisionQuery, Store
from doorward.administrator.purge_decisions import BATCH, purge_decisions
from doorward.entrypoints.control.background import keep_purged
from tests.contract.test_store_contract import record

DAY = 86_400.0
KEEP = 30
NOW = 100 * DAY + 3600
BEFORE = 70 * DAY
"""The start of the day that was 30 days before `NOW`."""


async def ids(store: Store) -> list[str]:
    return [item.record.id for item in await store.find_decisions(DecisionQuery(limit=1000))]


async def audited(store: Store) -> list[AuditEntry]:
    async with store.transaction() as transaction:
        return list(await transaction.audit.entries(after=0, limit=1000))


async def test_only_what_is_older_is_removed(store: Store) -> None:
    ages = [BEFORE - DAY, BEFORE - 0.5, BEFORE, BEFORE + 0.5, NOW, NOW + DAY]
    await store.append_decisions([record(number, at=at) for number, at in enumerate(ages)])
    assert await purge_decisions(store, NOW, keep_days=KEEP) == 2
    assert await ids(store) == ["dec_0005", "dec_0004", "dec_0003", "dec_0002"]


async def test_a_purge_is_an_audited_act(store: Store) -> None:
    await store.append_decisions([record(number, at=BEFORE - number) for number in range(1, 4)])
    await purge_decisions(store, NOW, keep_days=KEEP)
    (entry,) = await audited(store)
    assert (entry.at, entry.actor, entry.act, entry.target) == (
        NOW,
        "system",
        "decisions-purged",
        "decisions",
    )
    assert entry.detail == {"number": "3", "before": "1970-03-12T00:00:00+00:00"}


async def test_where_nothing_is_old_nothing_is_said(store: Store) -> None:
    await store.append_decisions([record(1, at=NOW)])
    assert await purge_decisions(store, NOW, keep_days=KEEP) == 0
    assert await audited(store) == []


async def test_the_oldest_go_first_a_bounded_number_at_a_time(store: Store) -> None:
    ages = [BEFORE - 1, BEFORE - 3, BEFORE - 2, NOW]
    await store.append_decisions([record(number, at=at) for number, at in enumerate(ages)])
    assert await purge_decisions(store, NOW, keep_days=KEEP, limit=2) == 2
    assert await ids(store) == ["dec_0003", "dec_0000"]
    assert await purge_decisions(store, NOW, keep_days=KEEP, limit=2) == 1
    assert await ids(store) == ["dec_0003"]
    assert [entry.detail["number"] for entry in await audited(store)] == ["2", "1"]


async def test_one_that_arrives_late_goes_with_the_next(store: Store) -> None:
    await store.append_decisions([record(1, at=BEFORE - 1)])
    await purge_decisions(store, NOW, keep_days=KEEP)
    await store.append_decisions([record(2, at=BEFORE - 5 * DAY)])
    assert await purge_decisions(store, NOW, keep_days=KEEP) == 1
    assert await ids(store) == []


async def test_keeping_for_longer_keeps_what_is_left(store: Store) -> None:
    await store.append_decisions([record(1, at=BEFORE - 1), record(2, at=BEFORE + 1)])
    await purge_decisions(store, NOW, keep_days=KEEP)
    assert await purge_decisions(store, NOW + DAY, keep_days=KEEP + 10) == 0
    assert await ids(store) == ["dec_0002"]


async def test_a_number_is_not_given_twice(store: Store) -> None:
    await store.append_decisions([record(1, at=BEFORE - 2), record(2, at=BEFORE - 1)])
    (newest, _) = await store.find_decisions(DecisionQuery())
    await purge_decisions(store, NOW, keep_days=KEEP)
    await store.append_decisions([record(3, at=NOW)])
    (following,) = await store.find_decisions(DecisionQuery(after=newest.seq))
    assert following.record.id == "dec_0003"


async def purged_by_the_control_process(store: Store, keep_days: int) -> list[str]:
    """What is left after it had time for more than one batch."""
    task = asyncio.create_task(keep_purged(store, lambda: NOW, keep_days))
    try:
        for _ in range(400):
            if (left := await ids(store)) == ["young"] or task.done():
                break
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
    return left


@pytest.mark.parametrize(("keep_days", "left"), [(KEEP, 1), (0, 3)])
async def test_the_control_process_purges_until_it_is_done(
    store: Store, monkeypatch: pytest.MonkeyPatch, keep_days: int, left: int
) -> None:
    monkeypatch.setattr(f"{keep_purged.__module__}._BETWEEN_BATCHES_SECONDS", 0.0)
    old = [record(number, at=BEFORE - 1) for number in range(BATCH + 2 if keep_days else 2)]
    await store.append_decisions([*old, record(9999, id="young", at=NOW)])
    assert len(await purged_by_the_control_process(store, keep_days)) == left
    assert [entry.detail["number"] for entry in await audited(store)] == (
        [str(BATCH), "2"] if keep_days else []
    )
