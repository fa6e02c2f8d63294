"""What a control process remembers of devices, while others write about them."""

from __future__ import annotations

import msgspec
import pytest

from doorward.administrator.devices.roll import Known, Roll
from doorward.administrator.ports import Store
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.snapshot import Change, change, removal
from tests.fakes.fleet import AT, SoftwareDevice
from tests.fakes.store import MemoryStore, control_plane

LAPTOP = SoftwareDevice(DeviceId("laptop"))
DOCUMENT = Device(id=LAPTOP.id, owner=UserId("alice"), key=LAPTOP.key)


@pytest.fixture
async def store() -> Store:
    store = MemoryStore()
    await LAPTOP.enrolled(control_plane(store), DOCUMENT.owner)
    return store


async def heard(roll: Roll, store: Store) -> Known:
    known = await roll.of(store, LAPTOP.id)
    assert known is not None
    roll.heard(known, known.record.counter + 1, "d", AT)
    return known


async def test_what_changes_of_a_device_itself_changes_nothing_here(store: Store) -> None:
    roll = Roll()
    known = await heard(roll, store)
    roll.follow([change("device", msgspec.structs.replace(DOCUMENT, healthy=True))])
    assert await roll.of(store, LAPTOP.id) is known
    assert len(roll.unwritten()) == 1


@pytest.mark.parametrize(
    "gone",
    [
        removal("device", LAPTOP.id),
        change("device", msgspec.structs.replace(DOCUMENT, key="ab" * 32)),
    ],
    ids=["removed", "enrolled anew"],
)
async def test_a_device_that_is_gone_is_forgotten(store: Store, gone: Change) -> None:
    roll = Roll()
    known = await heard(roll, store)
    roll.follow([gone])
    assert roll.unwritten() == []
    assert await roll.of(store, LAPTOP.id) is not known


async def test_what_another_process_heard_is_taken_over_and_never_taken_back(store: Store) -> None:
    here, there = Roll(), Roll()
    for _ in range(3):
        await heard(there, store)
    await heard(here, store)
    async with store.transaction() as transaction:
        await transaction.devices.records.heard(there.unwritten())
    await here.refresh(store, LAPTOP.id)
    known = await here.of(store, LAPTOP.id)
    assert known is not None
    assert (known.record.counter, known.latest) == (3, {1: "d", 3: "d"})
    await heard(here, store)
    await here.refresh(store, LAPTOP.id)
    assert known.record.counter == 4
    await here.refresh(store, DeviceId("unheard"))


async def test_a_record_of_another_key_or_none_is_read_anew(store: Store) -> None:
    roll = Roll()
    known = await heard(roll, store)
    other = msgspec.structs.replace(known.record, public_key=b"other", counter=0)
    async with store.transaction() as transaction:
        await transaction.devices.records.put([other])
    await roll.refresh(store, LAPTOP.id)
    again = await roll.of(store, LAPTOP.id)
    assert again is not None
    assert again.record == other
    async with store.transaction() as transaction:
        await transaction.devices.records.remove(LAPTOP.id)
    await roll.refresh(store, LAPTOP.id)
    assert await roll.of(store, LAPTOP.id) is None
