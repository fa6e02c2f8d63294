"""What every store promises of identity verification: SQLite, PostgreSQL and the fake."""

from __future__ import annotations

import msgspec
import pytest
import sqlalchemy

from doorward.administrator.identity.ports import ContactTable
from doorward.administrator.identity.records import Contact, End, StoredVerification, Training
from doorward.administrator.ports import OneTime, Store
from doorward.errors import DoorwardError
from doorward.model.ids import UserId
from tests.contract.test_store_migrations import sync_engine
from tests.fakes.proofing import a_case, a_verification, an_evidence

ALICE, BOB = UserId("alice"), UserId("bob")


@pytest.mark.parametrize("table", ["contacts", "notice_addresses"])
async def test_an_address_is_replaced_and_removed(store: Store, table: str) -> None:
    first = Contact(user=ALICE, value="a@example.org", verified_at=1.0)
    second = Contact(user=ALICE, value="b@example.org", verified_at=2.0)
    async with store.transaction() as transaction:
        contacts: ContactTable = getattr(transaction.identity, table)
        await contacts.put(first)
        await contacts.put(second)
        assert await contacts.remove(BOB) is False
        assert await contacts.of(ALICE) == second
        assert await contacts.of(BOB) is None
        assert await contacts.remove(ALICE)
        assert not await contacts.remove(ALICE)
        assert await contacts.of(ALICE) is None


async def test_an_address_for_notices_is_not_the_one_that_is_verified(store: Store) -> None:
    address = Contact(user=ALICE, value="a@example.org", verified_at=1.0)
    async with store.transaction() as transaction:
        await transaction.identity.notice_addresses.put(address)
        assert await transaction.identity.contacts.of(ALICE) is None
        assert not await transaction.identity.contacts.remove(ALICE)
    async with store.transaction() as transaction:
        assert await transaction.identity.notice_addresses.of(ALICE) == address


async def test_the_newest_training_of_each_counts(store: Store) -> None:
    def trained(user: UserId, at: float) -> Training:
        return Training(user=user, trained_at=at, expires_at=at + 9, recorded_by="operator")

    async with store.transaction() as transaction:
        trainings = transaction.identity.trainings
        for item in (trained(BOB, 1.0), trained(ALICE, 5.0), trained(BOB, 3.0)):
            await trainings.put(item)
        assert await trainings.all() == [trained(ALICE, 5.0), trained(BOB, 3.0)]
        assert await trainings.remove(BOB) == 2
        assert await trainings.all() == [trained(ALICE, 5.0)]


async def test_cases_are_found_by_state_and_person(store: Store) -> None:
    old = a_case("idc_1", subject=ALICE, opened_at=1.0)
    new = a_case("idc_2", subject=ALICE, opened_at=2.0)
    other = a_case("idc_3", subject=BOB, opened_at=0.5)
    async with store.transaction() as transaction:
        cases = transaction.identity.cases
        for case in (old, new, other):
            await cases.put(case)
        assert await cases.open() == [other, old, new]
        assert await cases.of(ALICE) == [new, old]
        closed = msgspec.structs.replace(old, state="rejected", closed_at=9.0)
        await cases.put(closed)
        assert await cases.get("idc_1") == closed
        assert await cases.get("idc_9") is None
        assert await cases.open() == [other, new]
        assert await cases.remove_closed_before(9.0) == 0
        assert await cases.remove_closed_before(9.5) == 1
        assert await cases.of(ALICE) == [new]


async def test_a_document_is_held_by_open_and_approved_cases(store: Store) -> None:
    item = an_evidence(number_hash="f0")
    case = a_case("idc_1", subject=ALICE, evidence=(item,))
    async with store.transaction() as transaction:
        cases = transaction.identity.cases
        await cases.put(case)
        assert await cases.holders("f0") == {ALICE}
        assert await cases.holders("") == frozenset()
        await cases.put(msgspec.structs.replace(case, state="approved", closed_at=2.0))
        assert await cases.holders("f0") == {ALICE}
        await cases.put(msgspec.structs.replace(case, state="withdrawn", closed_at=2.0))
        assert await cases.holders("f0") == frozenset()


async def test_verifications_are_added_and_ended(store: Store) -> None:
    first = a_verification("idv_1", user=ALICE, at=1.0, until=50.0)
    second = a_verification("idv_2", user=ALICE, at=2.0, until=40.0)
    end = End(verification="idv_1", kind="superseded", at=3.0, by="user:bob", reason="idv_2")
    async with store.transaction() as transaction:
        table = transaction.identity.verifications
        await table.add(first)
        await table.add(second)
        assert await table.live() == [second, first]
        await table.end(end)
        assert await table.live() == [second]
        ended = StoredVerification(verification=first, end=end)
        assert await table.get("idv_1") == ended
        assert await table.get("idv_9") is None
        assert await table.of(ALICE) == [StoredVerification(verification=second), ended]
        assert await table.note("idv_1", "ends-in-14", 4.0)
        assert not await table.note("idv_1", "ends-in-14", 5.0)
        assert await table.note("idv_1", "ends-in-1", 5.0)
        assert await table.remove_ended_before(3.0) == 0
        assert await table.remove_ended_before(3.5) == 1
        assert await table.get("idv_1") is None
        assert await table.note("idv_1", "ends-in-14", 6.0)


async def test_the_case_of_a_verification_stays_with_it(store: Store) -> None:
    case = a_case("idc_1", subject=ALICE, state="approved", closed_at=1.0)
    async with store.transaction() as transaction:
        await transaction.identity.cases.put(case)
        await transaction.identity.verifications.add(a_verification("idv_1", case="idc_1"))
        assert await transaction.identity.cases.remove_closed_before(99.0) == 0


@pytest.mark.parametrize("what", ["verification", "end"])
async def test_nothing_is_recorded_twice(store: Store, what: str) -> None:
    end = End(verification="idv_1", kind="revoked", at=3.0, by="operator")
    async with store.transaction() as transaction:
        await transaction.identity.verifications.add(a_verification("idv_1"))
        await transaction.identity.verifications.end(end)

    async def again() -> None:
        async with store.transaction() as transaction:
            table = transaction.identity.verifications
            await (table.add(a_verification("idv_1")) if what == "verification" else table.end(end))

    with pytest.raises(DoorwardError, match="store-"):
        await again()


async def test_an_exception_leaves_nothing_of_it(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.identity.cases.put(a_case("idc_1"))
            await transaction.identity.verifications.add(a_verification("idv_1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.transaction() as transaction:
        assert await transaction.identity.cases.get("idc_1") is None
        assert await transaction.identity.verifications.live() == []


async def test_the_one_time_secrets_of_a_person_are_found_by_what_they_hold(store: Store) -> None:
    def secret(key: str, data: object) -> OneTime:
        body = msgspec.Raw(msgspec.json.encode(data))
        return OneTime(purpose="p", key=key, data=body, expires_at=100.0)

    async with store.transaction() as transaction:
        for item in (
            secret("1", {"user": "alice", "flow": "x"}),
            secret("2", {"user": "alice2"}),
            secret("3", {"flow": '{"user": "alice"}'}),
            secret("4", "alice"),
            secret("5", ["user", "alice"]),
        ):
            await transaction.one_time.put(item)
        assert await transaction.one_time.remove_of(ALICE) == 1
        assert await transaction.one_time.peek("p", "1", 1.0) is None
        for key in "2345":
            assert await transaction.one_time.peek("p", key, 1.0) is not None


CHANGES = [
    "UPDATE identity_verification SET until = until + 1",
    "UPDATE identity_verification_end SET kind = 'expired'",
    "DELETE FROM identity_verification WHERE id = 'idv_live'",
    "DELETE FROM identity_verification_end",
]
OF_SQLITE = [
    "INSERT OR REPLACE INTO identity_verification SELECT * FROM identity_verification",
    "INSERT OR REPLACE INTO identity_verification_end SELECT * FROM identity_verification_end",
]
OF_POSTGRESQL = [
    "TRUNCATE identity_verification",
    "TRUNCATE identity_verification_end",
]


def test_what_was_verified_cannot_be_changed_by_hand(store_url: str) -> None:
    engine = sync_engine(store_url)
    row = (
        'INSERT INTO identity_verification (id, "user", case_id, at, until, body) '
        "VALUES ('{}', 'alice', 'c', 1, 2, '{{}}')"
    )
    with engine.begin() as connection:
        for name in ("idv_live", "idv_done"):
            connection.execute(sqlalchemy.text(row.format(name)))
        connection.execute(
            sqlalchemy.text(
                'INSERT INTO identity_verification_end (verification, kind, at, "by", reason) '
                "VALUES ('idv_done', 'revoked', 1, 'operator', '')"
            )
        )
    own = OF_SQLITE if engine.dialect.name == "sqlite" else OF_POSTGRESQL
    for statement in (*CHANGES, *own):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), engine.begin() as hand:
            hand.execute(sqlalchemy.text(statement))
    with engine.begin() as hand:
        hand.execute(sqlalchemy.text("DELETE FROM identity_verification WHERE id = 'idv_done'"))
        hand.execute(sqlalchemy.text("DELETE FROM identity_verification_end"))
        left = hand.execute(sqlalchemy.text("SELECT id FROM identity_verification")).scalars().all()
    engine.dispose()
    assert left == ["idv_live"]
