"""What every store promises: the same suite on SQLite, PostgreSQL and the fake."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from doorward.administrator.ports import (
    DecisionQuery,
    OneTime,
    Passkey,
    Password,
    Revision,
    Store,
    Totp,
)
from doorward.errors import DoorwardError
from doorward.model.decision import DecisionRecord
from doorward.model.estate import Group, User
from doorward.model.ids import DecisionId, GroupId, UserId
from doorward.model.snapshot import Change, Snapshot, change, removal

ALICE = User(
    id=UserId("alice"), name="Alice", email="alice@example.com", groups=(GroupId("staff"),)
)
BOB = User(id=UserId("bob"), name="Bob", email="bob@example.com")
STAFF = Group(id=GroupId("staff"), name="Staff")


def record(number: int, **fields: object) -> DecisionRecord:
    base = {
        "id": f"dec_{number:04}",
        "at": 1000.0 + number,
        "gateway": "g",
        "source": "engine",
        "decision": f"dec_{number:04}",
        "outcome": "allow",
        "reason": "permitted",
        "snapshot": 1,
        "policies": ("p",),
        "remedies": (),
        "facts": msgspec.Raw(b'{"a":1}'),
        "subject": "alice",
        "session": "s",
        "device": "",
        "resource": "payroll",
        "action": "read",
        "method": "GET",
        "path": "/x",
        "address": "127.0.0.1",
        "country": "",
        "networks": (),
        "latency_us": 5,
    }
    return DecisionRecord(**(base | fields))  # type: ignore[arg-type]


async def publish(store: Store, *changes: Change) -> int:
    async with store.transaction() as transaction:
        return await transaction.snapshot.publish(changes)


async def test_numbers_count_from_one_without_gaps(store: Store) -> None:
    assert await publish(store) == 0
    assert [await publish(store, change("user", ALICE)) for _ in range(3)] == [1, 2, 3]
    assert await publish(store) == 3


async def test_load_is_what_was_published(store: Store) -> None:
    await publish(store, change("user", ALICE), change("group", STAFF), change("user", BOB))
    await publish(store, removal("user", "bob"))
    assert await store.load() == Snapshot(number=2, users={"alice": ALICE}, groups={"staff": STAFF})


async def test_the_last_change_of_a_document_in_a_revision_wins(store: Store) -> None:
    other = msgspec.structs.replace(ALICE, name="Alice B")
    await publish(store, change("user", ALICE), removal("user", "alice"), change("user", other))
    assert (await store.load()).users == {"alice": other}


async def test_an_exception_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.snapshot.publish([change("user", ALICE)])
            await transaction.credentials.put(Password(user=ALICE.id, hash="x"))
            await transaction.audit.append(at=1.0, actor="a", act="b", target="c", detail={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await store.load() == Snapshot()
    async with store.transaction() as transaction:
        assert await transaction.credentials.password(ALICE.id) is None
        assert await transaction.audit.latest(5) == []


async def test_a_transaction_sees_its_own_writes(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", BOB), change("user", ALICE)])
        assert await transaction.snapshot.get("user", "alice") == ALICE
        assert await transaction.snapshot.all("user") == [ALICE, BOB]
        assert await transaction.snapshot.get("user", "nobody") is None


@pytest.mark.parametrize(
    "malformed",
    [
        Change("user", "alice", msgspec.Raw(b"{}")),
        Change("user", "bob", change("user", ALICE).body),
        Change("nothing", "x", msgspec.Raw(b"{}")),  # type: ignore[arg-type]
    ],
)
async def test_a_malformed_document_is_refused(store: Store, malformed: Change) -> None:
    with pytest.raises(DoorwardError, match="document-malformed"):
        await publish(store, change("group", STAFF), malformed)
    assert await store.load() == Snapshot()


async def test_concurrent_writers_lose_no_update(store: Store) -> None:
    async def join(group: str) -> int:
        async with store.transaction() as transaction:
            user = await transaction.snapshot.get("user", "alice")
            assert isinstance(user, User)
            more = msgspec.structs.replace(user, groups=(*user.groups, GroupId(group)))
            return await transaction.snapshot.publish([change("user", more)])

    await publish(store, change("user", ALICE))
    groups = [f"g{number}" for number in range(12)]
    numbers = await asyncio.gather(*(join(group) for group in groups))
    assert sorted(numbers) == list(range(2, 14))
    assert set((await store.load()).users["alice"].groups) == {"staff", *groups}


async def test_revisions_arrive_in_order_while_others_write(store: Store) -> None:
    seen: list[Revision] = []

    async def follow() -> None:
        async for revision in store.revisions(1):
            if revision.changes:
                seen.append(revision)
            if len(seen) == 5:
                return

    await publish(store, change("user", ALICE))
    following = asyncio.create_task(follow())
    for number in range(5):
        await publish(store, change("group", Group(id=GroupId(f"g{number}"), name="x")))
        await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await following
    assert [revision.number for revision in seen] == [2, 3, 4, 5, 6]
    snapshot = Snapshot().advance(1, [change("user", ALICE)])
    for revision in seen:
        snapshot = snapshot.advance(revision.number, revision.changes)
    assert snapshot == await store.load()


async def test_a_quiet_store_still_says_that_it_was_asked(store: Store) -> None:
    async with asyncio.timeout(5):
        async for revision in store.revisions(0):
            assert revision == Revision(number=0, changes=())
            break


async def test_a_follower_ahead_of_the_store_is_told(store: Store) -> None:
    with pytest.raises(DoorwardError, match="revision-pruned"):
        await anext(store.revisions(7))


async def test_a_one_time_secret_works_once(store: Store) -> None:
    item = OneTime(purpose="p", key="k", data=msgspec.Raw(b"[1]"), expires_at=100.0)
    async with store.transaction() as transaction:
        await transaction.one_time.put(item)
        assert await transaction.one_time.peek("p", "k", 99.0) == item
        assert await transaction.one_time.peek("other", "k", 99.0) is None

    async def take() -> OneTime | None:
        async with store.transaction() as transaction:
            return await transaction.one_time.take("p", "k", 99.0)

    taken = await asyncio.gather(*(take() for _ in range(4)))
    assert [found for found in taken if found is not None] == [item]


async def test_what_was_used_is_added_once_until_it_expires(store: Store) -> None:
    def used(expires_at: float) -> OneTime:
        return OneTime(purpose="p", key="k", data=msgspec.Raw(b"{}"), expires_at=expires_at)

    async def add(item: OneTime, now: float) -> bool:
        async with store.transaction() as transaction:
            return await transaction.one_time.add(item, now)

    assert sorted(await asyncio.gather(*(add(used(100.0), 50.0) for _ in range(4)))) == [
        *[False] * 3,
        True,
    ]
    assert not await add(used(200.0), 99.0)
    assert await add(used(200.0), 100.0)
    async with store.transaction() as transaction:
        assert await transaction.one_time.peek("p", "k", 150.0) == used(200.0)


async def test_an_expired_one_time_secret_is_gone(store: Store) -> None:
    item = OneTime(purpose="p", key="k", data=msgspec.Raw(b"{}"), expires_at=100.0)
    async with store.transaction() as transaction:
        await transaction.one_time.put(item)
        assert await transaction.one_time.peek("p", "k", 100.0) is None
        await transaction.one_time.sweep(99.0)
        assert await transaction.one_time.peek("p", "k", 99.5) == item
        await transaction.one_time.sweep(100.0)
        assert await transaction.one_time.take("p", "k", 50.0) is None


async def test_credentials(store: Store) -> None:
    passkey = Passkey(
        id="k1",
        user=ALICE.id,
        name="Laptop",
        public_key=b"\x00\x01",
        sign_count=3,
        transports=("usb", "nfc"),
        aaguid="a",
        created_at=5.0,
    )
    used = msgspec.structs.replace(passkey, sign_count=4, last_used_at=9.0)
    totp = Totp(user=ALICE.id, sealed_secret=b"\xff\x00", last_step=7)
    async with store.transaction() as transaction:
        credentials = transaction.credentials
        await credentials.put(passkey)
        await credentials.put(used)
        await credentials.put(Password(user=ALICE.id, hash="h"))
        await credentials.put(totp)
    async with store.transaction() as transaction:
        credentials = transaction.credentials
        assert await credentials.passkeys(ALICE.id) == [used]
        assert await credentials.passkey("k1") == used
        assert await credentials.passkey("k2") is None
        assert await credentials.totp(ALICE.id) == totp
        await credentials.remove_all(ALICE.id)
        assert await credentials.passkeys(ALICE.id) == []
        assert await credentials.password(ALICE.id) is None
        assert await credentials.totp(ALICE.id) is None


async def test_a_passkey_stays_with_its_owner(store: Store) -> None:
    def passkey(user: str) -> Passkey:
        return Passkey(
            id="k1",
            user=UserId(user),
            name="Key",
            public_key=b"1",
            sign_count=0,
            transports=(),
            aaguid="",
            created_at=1.0,
        )

    async with store.transaction() as transaction:
        await transaction.credentials.put(passkey("alice"))
    with pytest.raises(DoorwardError, match="store-conflict"):
        async with store.transaction() as transaction:
            await transaction.credentials.put(passkey("bob"))
    async with store.transaction() as transaction:
        assert await transaction.credentials.passkey("k1") == passkey("alice")


async def test_audit_entries_are_chained(store: Store) -> None:
    for number in range(3):
        async with store.transaction() as transaction:
            await transaction.audit.append(
                at=float(number), actor="operator", act="x", target="y", detail={"n": str(number)}
            )
    async with store.transaction() as transaction:
        entries = await transaction.audit.entries(after=0, limit=10)
        assert [entry.seq for entry in entries] == [1, 2, 3]
        assert entries[1].previous == entries[0].hash
        assert entries[2].detail == {"n": "2"}
        assert await transaction.audit.entries(after=1, limit=1) == [entries[1]]
        assert await transaction.audit.latest(2) == [entries[2], entries[1]]


async def test_decisions_are_found_and_stored_once(store: Store) -> None:
    await store.append_decisions([record(1), record(2, subject="bob", outcome="deny")])
    await store.append_decisions([record(2, subject="bob", outcome="deny"), record(3)])
    newest = await store.find_decisions(DecisionQuery())
    assert [item.record.id for item in newest] == ["dec_0003", "dec_0002", "dec_0001"]
    bobs = await store.find_decisions(DecisionQuery(subject="bob", outcome="deny"))
    assert [item.record for item in bobs] == [record(2, subject="bob", outcome="deny")]
    page = await store.find_decisions(DecisionQuery(before=newest[0].seq, limit=1))
    assert [item.record.id for item in page] == ["dec_0002"]
    following = await store.find_decisions(DecisionQuery(after=newest[2].seq, limit=1))
    assert [item.record.id for item in following] == ["dec_0002"]
    since = await store.find_decisions(DecisionQuery(since=1002.5))
    assert [item.record.id for item in since] == ["dec_0003"]
    one = await store.decision(DecisionId("dec_0001"))
    assert one is not None
    assert one.record == record(1)
    assert await store.decision(DecisionId("dec_9999")) is None
