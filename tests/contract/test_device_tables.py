"""What is kept of devices, on every store."""

from __future__ import annotations

import msgspec

from doorward.administrator.devices.ports import DeviceRecord
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
    said=False,
)


async def test_records_are_kept_changed_and_forgotten(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.devices.records.put([PHONE, LAPTOP])
    seen = msgspec.structs.replace(LAPTOP, counter=7, digest="cd", last_seen_at=9.0)
    async with store.transaction() as transaction:
        records = transaction.devices.records
        assert await records.all() == [LAPTOP, PHONE]
        await records.put([seen])
        await records.put([])
        assert await records.get(LAPTOP.id) == seen
        assert await records.get(PHONE.id) == PHONE
        assert await records.get(DeviceId("other")) is None
        assert await records.remove(PHONE.id)
        assert not await records.remove(PHONE.id)
    async with store.transaction() as transaction:
        assert await transaction.devices.records.all() == [seen]
