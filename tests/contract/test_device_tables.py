"""What is kept of devices, on every store."""

from __future__ import annotations

import msgspec

from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.ports import Store
from doorward.model.ids import DeviceId

LAPTOP = DeviceRecord(id=DeviceId("laptop"), public_key=b"\x30\x59", storage="tpm", enrolled_at=1.5)
PHONE = DeviceRecord(
    id=DeviceId("phone"),
    public_key=b"\x30",
    storage="software",
    enrolled_at=2.0,
    counter=2**40,
    digest="ab",
    last_seen_at=3.5,
)


async def test_records_are_kept_changed_and_forgotten(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.devices.records.put([PHONE, LAPTOP])
    seen = msgspec.structs.replace(LAPTOP, counter=7, digest="cd", last_seen_at=9.0)
    async with store.transaction() as transaction:
        records = transaction.devices.records
        assert await records.all() == [LAPTOP, PHONE]
        assert await records.of([PHONE.id, DeviceId("other")]) == [PHONE]
        assert await records.of([]) == []
        await records.put([seen])
        await records.put([])
        assert await records.get(LAPTOP.id) == seen
        assert await records.get(PHONE.id) == PHONE
        assert await records.get(DeviceId("other")) is None
        assert await records.remove(PHONE.id)
        assert not await records.remove(PHONE.id)
    async with store.transaction() as transaction:
        assert await transaction.devices.records.all() == [seen]


async def test_what_was_heard_moves_forward_only(store: Store) -> None:
    enrolled = msgspec.structs.replace(LAPTOP, counter=5, digest="aa")
    async with store.transaction() as transaction:
        await transaction.devices.records.put([enrolled, PHONE])
    newer = msgspec.structs.replace(LAPTOP, counter=7, digest="bb", last_seen_at=9.0)
    older = msgspec.structs.replace(LAPTOP, counter=6, digest="cc", last_seen_at=8.0)
    another_key = msgspec.structs.replace(PHONE, counter=2**41, public_key=b"other")
    gone = msgspec.structs.replace(LAPTOP, id=DeviceId("gone"), counter=1)
    async with store.transaction() as transaction:
        records = transaction.devices.records
        await records.heard([newer, another_key, gone])
        await records.heard([older])
        await records.heard([])
        assert await records.all() == [newer, PHONE]
