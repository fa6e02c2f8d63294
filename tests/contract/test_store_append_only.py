"""The database itself keeps what was recorded, also against a hand that holds its password."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy

from doorward.adapters.store import open_store
from doorward.administrator.ports import DecisionQuery
from doorward.administrator.verify_audit import verify_audit
from tests.contract.test_store_contract import record
from tests.contract.test_store_migrations import sync_engine
from tests.fakes.store import MemoryHeads

OLD, YOUNG = 1001.0, 1002.0
REFUSED = "is append-only"
COLUMNS = "id, at, subject, resource, session, outcome, reason, source, body"

CHANGES = [
    "UPDATE decision SET outcome = 'allow'",
    "UPDATE decision SET body = '{}' WHERE id = 'dec_0001'",
    "UPDATE decision SET seq = seq + 100",
    "DELETE FROM decision",
    "DELETE FROM decision WHERE id = 'dec_0001'",
    "UPDATE audit_entry SET actor = 'nobody'",
    "UPDATE audit_entry SET seq = seq + 100",
    "DELETE FROM audit_entry",
    "DELETE FROM decision_floor",
    "UPDATE decision_floor SET id = 2",
    "INSERT INTO decision_floor (id, moment) VALUES (2, 0)",
]
OF_SQLITE = [
    f"INSERT OR REPLACE INTO decision ({COLUMNS}) SELECT {COLUMNS} FROM decision",
    "INSERT OR REPLACE INTO decision VALUES (1, 'new', 1, '', '', '', '', '', '', '')",
    "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
    "INSERT OR REPLACE INTO decision_floor (id, moment) VALUES (1, 5)",
    "UPDATE OR REPLACE decision SET id = 'dec_0001'",
]
OF_POSTGRESQL = [
    "TRUNCATE decision",
    "TRUNCATE audit_entry",
    "TRUNCATE decision_floor",
    "INSERT INTO decision SELECT * FROM decision ON CONFLICT (seq) DO UPDATE SET outcome = 'allow'",
    "UPDATE decision_floor SET moment = 'infinity'",
    "UPDATE decision_floor SET moment = 'NaN'",
]


@pytest.fixture
async def kept(store_url: str, heads: MemoryHeads) -> None:
    """Two decision records, of `OLD` and `YOUNG`, and three audit entries."""
    store = open_store(store_url, heads)
    await store.append_decisions([record(1, at=OLD), record(2, at=YOUNG, outcome="deny")])
    async with store.transaction() as transaction:
        for at in (1.0, 2.0, 3.0):
            await transaction.audit.append(at=at, actor="a", act="b", target="c", detail={})
    await store.close()


@pytest.fixture
def hand(store_url: str, kept: None) -> Iterator[sqlalchemy.Engine]:
    """Somebody at the database who is not doorward."""
    engine = sync_engine(store_url)
    yield engine
    engine.dispose()


def run(hand: sqlalchemy.Engine, statement: str) -> None:
    with hand.begin() as connection:
        connection.execute(sqlalchemy.text(statement))


def refuse(hand: sqlalchemy.Engine, statement: str) -> None:
    with pytest.raises(sqlalchemy.exc.IntegrityError, match=REFUSED):
        run(hand, statement)


def rows(hand: sqlalchemy.Engine) -> list[list[tuple[object, ...]]]:
    with hand.begin() as connection:
        return [
            [tuple(row) for row in connection.execute(sqlalchemy.text(f"SELECT * FROM {table}"))]
            for table in ("decision", "audit_entry", "decision_floor")
        ]


@pytest.mark.parametrize("statement", CHANGES)
def test_what_was_recorded_cannot_be_changed(hand: sqlalchemy.Engine, statement: str) -> None:
    before = rows(hand)
    refuse(hand, statement)
    assert rows(hand) == before


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("statement", OF_SQLITE)
def test_nor_by_replacing_it_in_sqlite(hand: sqlalchemy.Engine, statement: str) -> None:
    test_what_was_recorded_cannot_be_changed(hand, statement)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statement", OF_POSTGRESQL)
def test_nor_by_the_means_of_postgresql(hand: sqlalchemy.Engine, statement: str) -> None:
    test_what_was_recorded_cannot_be_changed(hand, statement)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_table_of_that_name_in_a_session_is_not_the_floor(hand: sqlalchemy.Engine) -> None:
    refuse(
        hand,
        "CREATE TEMP TABLE decision_floor (id integer, moment double precision);"
        "INSERT INTO decision_floor VALUES (1, 1e18);"
        "DELETE FROM decision",
    )


def test_the_floor_moves_forward_only_and_stays_a_day_behind(hand: sqlalchemy.Engine) -> None:
    run(hand, "UPDATE decision_floor SET moment = 900")
    refuse(hand, "UPDATE decision_floor SET moment = 899.5")
    refuse(hand, f"UPDATE decision_floor SET moment = {time.time() - 86_400 + 60}")
    run(hand, "UPDATE decision_floor SET moment = 901")
    assert rows(hand)[2] == [(1, 901.0)]


async def test_only_a_record_from_before_the_floor_may_go(
    hand: sqlalchemy.Engine, store_url: str
) -> None:
    run(hand, f"UPDATE decision_floor SET moment = {YOUNG}")
    refuse(hand, "DELETE FROM decision")
    run(hand, f"DELETE FROM decision WHERE at < {YOUNG}")
    refuse(hand, "UPDATE decision SET outcome = 'allow'")
    store = open_store(store_url)
    left = await store.find_decisions(DecisionQuery())
    await store.close()
    assert [item.record.id for item in left] == ["dec_0002"]


@pytest.mark.parametrize(
    ("statement", "faulty"),
    [
        ("UPDATE audit_entry SET actor = 'nobody' WHERE seq = 2", 2),
        ("DELETE FROM audit_entry WHERE seq = 1", 1),
        ("DELETE FROM audit_entry WHERE seq = 3", 3),
    ],
)
async def test_what_the_owner_changes_without_the_triggers_is_found(
    hand: sqlalchemy.Engine, store_url: str, heads: MemoryHeads, statement: str, faulty: int
) -> None:
    with hand.begin() as connection:
        for away in (
            ["SET LOCAL session_replication_role = replica"]
            if hand.dialect.name == "postgresql"
            else ["DROP TRIGGER audit_entry_update", "DROP TRIGGER audit_entry_delete"]
        ):
            connection.execute(sqlalchemy.text(away))
        connection.execute(sqlalchemy.text(statement))
    store = open_store(store_url, heads)
    verdict = await verify_audit(store, heads)
    await store.close()
    assert verdict.fault is not None
    assert verdict.fault.seq == faulty
