"""Recovery codes and requests for recovery, on every store."""

from __future__ import annotations

import asyncio

import msgspec

from doorward.administrator.ports import Passkey, Password, Store, Totp
from doorward.administrator.recovery_ports import Recovery
from doorward.model.ids import UserId

ALICE, BOB = UserId("alice"), UserId("bob")
NEW = Recovery(
    id="rec_1",
    user=ALICE,
    flow="f1" * 32,
    sealed_code=b"\x01sealed",
    requested_at=10.0,
    expires_at=900.5,
    address="192.0.2.1",
    user_agent="Test",
)


def changed(**fields: object) -> Recovery:
    return msgspec.structs.replace(NEW, **fields)


async def test_a_new_set_of_codes_replaces_the_old(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.recovery_codes.replace(ALICE, ["a", "b"], 1.0)
        await transaction.recovery_codes.replace(BOB, ["a"], 1.0)
        await transaction.recovery_codes.replace(ALICE, ["c"], 2.0)
    async with store.transaction() as transaction:
        codes = transaction.recovery_codes
        assert [await codes.left(ALICE), await codes.left(BOB)] == [1, 1]
        assert [await codes.holds(ALICE, item) for item in ("a", "b", "c")] == [False, False, True]
        await codes.replace(ALICE, [], 3.0)
        assert await codes.left(ALICE) == 0
        assert await codes.holds(BOB, "a")


async def test_a_code_is_taken_once_also_by_racing_requests(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.recovery_codes.replace(ALICE, ["a", "b"], 1.0)

    async def take(user: UserId) -> bool:
        async with store.transaction() as transaction:
            return await transaction.recovery_codes.take(user, "a")

    taken = await asyncio.gather(*(take(user) for user in (ALICE, BOB, ALICE, ALICE)))
    assert sum(taken) == 1
    assert not taken[1]
    async with store.transaction() as transaction:
        assert await transaction.recovery_codes.left(ALICE) == 1


async def test_removing_everything_takes_the_codes_too(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.recovery_codes.replace(ALICE, ["a"], 1.0)
        await transaction.recovery_codes.replace(BOB, ["b"], 1.0)
        await transaction.credentials.remove_all(ALICE)
        assert await transaction.recovery_codes.left(ALICE) == 0
        assert await transaction.recovery_codes.left(BOB) == 1


async def test_one_credential_is_removed_and_the_others_stay(store: Store) -> None:
    def passkey(key: str) -> Passkey:
        return Passkey(
            id=key,
            user=ALICE,
            name="Key",
            public_key=b"k",
            sign_count=0,
            transports=(),
            aaguid="a",
            created_at=1.0,
            attested=True,
            backup_eligible=False,
            backed_up=True,
        )

    first, second = passkey("k1"), passkey("k2")
    password = Password(user=ALICE, hash="h")
    totp = Totp(user=ALICE, sealed_secret=b"s", last_step=1)
    async with store.transaction() as transaction:
        for item in (first, second, password, totp):
            await transaction.credentials.put(item)
    async with store.transaction() as transaction:
        credentials = transaction.credentials
        await credentials.remove(msgspec.structs.replace(first, user=BOB))
        assert await credentials.passkeys(ALICE) == [first, second]
        await credentials.remove(first)
        assert await credentials.passkeys(ALICE) == [second]
        await credentials.remove(totp)
        assert await credentials.totp(ALICE) is None
        assert await credentials.password(ALICE) == password
        await credentials.remove(password)
        assert await credentials.password(ALICE) is None


async def test_a_request_is_found_by_id_and_by_browser(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.recoveries.put(NEW)
    async with store.transaction() as transaction:
        recoveries = transaction.recoveries
        assert await recoveries.get("rec_1") == NEW
        assert await recoveries.of_flow(NEW.flow) == NEW
        assert await recoveries.get("rec_2") is None
        assert await recoveries.of_flow("e2" * 32) is None
        decided = changed(state="approved", tries=1, decided_by="user:bob", keep=True)
        await recoveries.put(decided)
        assert await recoveries.get("rec_1") == decided


async def test_a_browser_has_one_request(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.recoveries.put(NEW)
        await transaction.recoveries.put(changed(id="rec_2"))
        assert await transaction.recoveries.get("rec_1") is None
        assert await transaction.recoveries.of_flow(NEW.flow) == changed(id="rec_2")


async def test_all_requests_of_a_person_go_however_they_stand(store: Store) -> None:
    async with store.transaction() as transaction:
        for item in (
            changed(id="rec_1", flow="1"),
            changed(id="rec_2", flow="2", state="approved"),
            changed(id="rec_3", flow="3", user=BOB),
            changed(id="rec_4", flow="4", user=BOB, state="approved", decided_by="user:alice"),
        ):
            await transaction.recoveries.put(item)
    async with store.transaction() as transaction:
        assert await transaction.recoveries.remove_of(ALICE) == 3
        assert await transaction.recoveries.remove_of(ALICE) == 0
        assert await transaction.recoveries.get("rec_2") is None
        assert await transaction.recoveries.get("rec_4") is None
        assert await transaction.recoveries.get("rec_3") is not None


async def test_only_open_requests_of_known_people_wait_oldest_first(store: Store) -> None:
    async with store.transaction() as transaction:
        for item in (
            changed(id="rec_1", flow="1", requested_at=20.0),
            changed(id="rec_2", flow="2", requested_at=10.0),
            changed(id="rec_3", flow="3", user=""),
            changed(id="rec_4", flow="4", state="refused"),
            changed(id="rec_5", flow="5", state="approved"),
            changed(id="rec_6", flow="6", expires_at=100.0),
        ):
            await transaction.recoveries.put(item)
        waiting = await transaction.recoveries.waiting(100.0)
        assert [item.id for item in waiting] == ["rec_2", "rec_1"]
        await transaction.recoveries.sweep(100.0)
        assert await transaction.recoveries.get("rec_6") is None
        assert await transaction.recoveries.get("rec_5") is not None


async def test_requests_are_found_by_code_however_many_wait(store: Store) -> None:
    async with store.transaction() as transaction:
        for number in range(50):
            await transaction.recoveries.put(
                changed(
                    id=f"rec_{number:03d}",
                    flow=f"{number:064x}",
                    code_hash=f"hash-{number}",
                    requested_at=float(number),
                )
            )
        nobodys = changed(id="rec_nobody", user="", flow="aa" * 32, code_hash="hash-7")
        await transaction.recoveries.put(nobodys)
        bobs = changed(id="rec_bob", user=BOB, flow="bb" * 32, requested_at=0.5)
        await transaction.recoveries.put(bobs)
    async with store.transaction() as transaction:
        recoveries = transaction.recoveries
        listed = [item.id for item in await recoveries.waiting(100.0)]
        assert listed == ["rec_bob", "rec_047", "rec_048", "rec_049"]
        found = await recoveries.waiting(100.0, code_hash="hash-7")
        assert [item.id for item in found] == ["rec_007"]
        assert await recoveries.waiting(1000.0, code_hash="hash-7") == []
        assert await recoveries.waiting(100.0, code_hash="hash-99") == []
