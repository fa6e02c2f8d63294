"""A device's message counts once, in its turn, and only where that device sent it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.accept import (
    MAX_COUNTER,
    Accepted,
    SignedMessage,
    accept,
    nonce_for,
)
from doorward.administrator.devices.manage_devices import remove_device
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.roll import MESSAGES_AT_ONCE, REMEMBERED, Roll, write_roll
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.snapshot import Snapshot
from tests.fakes.fleet import AT, SoftwareDevice, fleet_on
from tests.fakes.store import MemoryStore, control_plane

ALICE = UserId("alice")
PATH = "/agent/v1/devices/laptop/reports"


@dataclass(frozen=True)
class Fixed:
    """A replica that holds `current`, whatever its store says."""

    current: Snapshot

    async def reached(self, _: int) -> Snapshot:
        return self.current


class Stand:
    """A fleet with one enrolled laptop."""

    def __init__(self, control: ControlPlane) -> None:
        self.control = control
        self.fleet: Fleet = fleet_on(control)
        self.laptop = SoftwareDevice(DeviceId("laptop"))

    async def send(
        self,
        counter: int,
        body: bytes = b"{}",
        *,
        nonce: str = "",
        now: float = AT,
        message: SignedMessage | None = None,
    ) -> Accepted:
        given = nonce or self.fleet.nonces.nonce(self.laptop.id, counter, AT)
        sent = message or self.laptop.signed(PATH, body)
        return await accept(self.fleet, self.laptop.id, sent, counter=counter, nonce=given, now=now)


@pytest.fixture
async def stand() -> Stand:
    stand = Stand(control_plane(MemoryStore()))
    await stand.laptop.enrolled(stand.control, ALICE)
    return stand


async def refused(stand: Stand, code: str, counter: int, **how: object) -> None:
    with pytest.raises(DoorwardError, match=f"^{code}:"):
        await stand.send(counter, **how)  # type: ignore[arg-type]


async def test_messages_count_in_turn_and_each_brings_the_next_nonce(stand: Stand) -> None:
    first = await stand.send(1)
    assert not first.repeated
    second = await stand.send(2, nonce=first.nonce)
    assert (second.known.record.counter, second.known.record.last_seen_at) == (2, AT)
    await stand.send(9)


async def test_the_very_same_message_again_is_a_lost_answer(stand: Stand) -> None:
    message = stand.laptop.signed(PATH, b"{}")
    first = await stand.send(1, message=message)
    again = await stand.send(1, message=message)
    assert (again.repeated, again.nonce) == (True, first.nonce)


async def test_an_older_message_is_a_replay(stand: Stand) -> None:
    message = stand.laptop.signed(PATH, b"1")
    await stand.send(1, message=message)
    await stand.send(2)
    await refused(stand, "message-replayed", 1, message=message)
    for counter in range(3, REMEMBERED + 4):
        await stand.send(counter)
    await refused(stand, "message-replayed", 1, message=message)
    await refused(stand, "message-replayed", 0)
    assert not stand.control.live.current.devices["laptop"].suspended


async def test_two_messages_with_one_counter_show_a_clone(stand: Stand) -> None:
    await stand.send(1, b"1")
    await stand.send(2, b"2")
    await refused(stand, "device-cloned", 1, body=b"another")
    assert stand.control.live.current.devices["laptop"].suspended == "cloned"
    await refused(stand, "device-suspended", 3)


async def test_an_old_copy_that_asks_for_a_nonce_shows_a_clone(stand: Stand) -> None:
    async def ask(counter: int, at: float = AT) -> str:
        message = stand.laptop.signed("/nonce", b"")
        return await nonce_for(
            stand.fleet, stand.laptop.id, message, counter=counter, at=at, now=AT
        )

    await stand.send(REMEMBERED + 1)
    assert await ask(REMEMBERED + 1) == stand.fleet.nonces.nonce(
        stand.laptop.id, REMEMBERED + 2, AT
    )
    for counter, at in ((REMEMBERED, AT), (REMEMBERED + 1, AT - 301), (0, AT + 301)):
        with pytest.raises(DoorwardError, match="message-replayed"):
            await ask(counter, at)
    with pytest.raises(DoorwardError, match="device-cloned"):
        await ask(0)
    assert stand.control.live.current.devices["laptop"].suspended == "cloned"


async def test_a_nonce_is_for_one_counter_one_device_and_a_while(stand: Stand) -> None:
    nonces = stand.fleet.nonces
    await refused(stand, "nonce-stale", 1, nonce=nonces.nonce(stand.laptop.id, 2, AT))
    await refused(stand, "nonce-stale", 1, nonce=nonces.nonce(DeviceId("other"), 1, AT))
    await refused(stand, "nonce-stale", 1, nonce="é")
    await refused(stand, "nonce-stale", 1, now=AT + 1200)
    await stand.send(1, now=AT + 590)


async def test_another_key_another_path_and_another_body_are_refused(stand: Stand) -> None:
    other = SoftwareDevice(stand.laptop.id)
    good = stand.laptop.signed(PATH, b"{}")
    for message in (
        other.signed(PATH, b"{}"),
        SignedMessage(PATH + "/x", good.body, good.signature),
        SignedMessage(PATH, b"{ }", good.signature),
        SignedMessage(PATH, good.body, ""),
        SignedMessage(PATH, good.body, "ß"),
    ):
        await refused(stand, "signature-wrong", 1, message=message)
    await stand.send(1, message=good)


async def test_a_device_that_is_not_enrolled_is_unknown(stand: Stand) -> None:
    await stand.send(1)
    await remove_device(stand.control, Act("operator", AT), stand.laptop.id)
    await refused(stand, "device-unknown", 2)
    stand.laptop.id = DeviceId("other")
    await refused(stand, "device-unknown", 1)


@pytest.mark.parametrize("ahead", [0, 1])
async def test_two_processes_that_each_hear_a_copy_notice_the_clone(
    stand: Stand, ahead: int
) -> None:
    """Both copies are at one counter, and neither process hears both."""
    store, here, there = stand.control.store, stand.fleet, fleet_on(stand.control)
    await stand.send(1, b"1")
    await write_roll(store, here.roll)
    await there.roll.of(store, stand.laptop.id)
    await stand.send(2, b"2")
    stand.fleet = there
    for counter in range(2, 3 + ahead):
        await stand.send(counter, b"another")
    await write_roll(store, here.roll)
    message = stand.laptop.signed("/nonce", b"")
    with pytest.raises(DoorwardError, match="device-cloned"):
        await nonce_for(there, stand.laptop.id, message, counter=2 + ahead, at=AT, now=AT)
    assert stand.control.live.current.devices["laptop"].suspended == "cloned"


async def test_an_old_copy_that_asks_another_process_shows_a_clone(stand: Stand) -> None:
    there = fleet_on(stand.control)
    await there.roll.of(stand.control.store, stand.laptop.id)
    await stand.send(REMEMBERED + 1)
    await write_roll(stand.control.store, stand.fleet.roll)
    message = stand.laptop.signed("/nonce", b"")
    with pytest.raises(DoorwardError, match="device-cloned"):
        await nonce_for(there, stand.laptop.id, message, counter=0, at=AT, now=AT)


@pytest.mark.parametrize("held", ["nothing", "another key"])
async def test_a_process_that_is_behind_its_store_calls_no_device_unknown(
    stand: Stand, held: str
) -> None:
    await stand.send(1)
    former = SoftwareDevice(stand.laptop.id)
    document = Device(id=former.id, owner=ALICE, key=former.key)
    behind = Snapshot(devices={} if held == "nothing" else {former.id: document})
    stand.fleet = fleet_on(replace(stand.control, live=Fixed(behind)))
    await refused(stand, "store-conflict", 2)


async def test_the_roll_is_written_for_many_at_once_and_read_again(stand: Stand) -> None:
    message = stand.laptop.signed(PATH, b"{}")
    await stand.send(4, message=message)
    assert await write_roll(stand.control.store, stand.fleet.roll) == 1
    assert await write_roll(stand.control.store, stand.fleet.roll) == 0
    another = Roll()
    known = await another.of(stand.control.store, stand.laptop.id)
    assert known is not None
    assert (known.record.counter, list(known.latest)) == (4, [4])
    stand.fleet.roll.forget(stand.laptop.id)
    assert (await stand.send(4, message=message)).repeated


async def test_strangers_who_ask_together_cost_few_transactions(stand: Stand) -> None:
    class Counting(MemoryStore):
        asked = 0

        def transaction(self) -> Any:
            self.asked += 1
            return stand.control.store.transaction()

    counting, roll = Counting(), Roll()
    names = [stand.laptop.id, *(DeviceId(f"stranger-{number}") for number in range(600))]
    found = await asyncio.gather(*(roll.of(counting, name) for name in names))
    assert [item.record.id for item in found if item is not None] == [stand.laptop.id]
    assert counting.asked == 1
    assert await roll.of(counting, stand.laptop.id) is found[0]
    assert counting.asked == 1


async def test_who_could_not_be_read_is_read_the_next_time(stand: Stand) -> None:
    class Broken(MemoryStore):
        def transaction(self) -> Any:
            raise DoorwardError("store-unavailable", "The store is away.")

    roll = Roll()
    with pytest.raises(DoorwardError, match="store-unavailable"):
        await roll.of(Broken(), stand.laptop.id)
    assert await roll.of(stand.control.store, stand.laptop.id) is not None


async def test_what_the_store_refused_is_written_later(stand: Stand) -> None:
    await stand.send(1)

    class Broken(MemoryStore):
        def transaction(self) -> Any:
            raise DoorwardError("store-full", "No space is left.")

    with pytest.raises(DoorwardError, match="store-full"):
        await write_roll(Broken(), stand.fleet.roll)
    assert await write_roll(stand.control.store, stand.fleet.roll) == 1


async def test_one_device_cannot_send_without_end(stand: Stand) -> None:
    for counter in range(1, MESSAGES_AT_ONCE + 1):
        await stand.send(counter)
    other = SoftwareDevice(stand.laptop.id)
    await refused(stand, "too-many-attempts", MESSAGES_AT_ONCE + 1)
    asked = stand.laptop.signed("/nonce", b"")
    with pytest.raises(DoorwardError, match="too-many-attempts"):
        await nonce_for(stand.fleet, stand.laptop.id, asked, counter=999, at=AT, now=AT)
    message = other.signed(PATH, b"{}")
    for _ in range(MESSAGES_AT_ONCE):
        await refused(stand, "signature-wrong", 1, message=message, now=AT + 60)
    await stand.send(MESSAGES_AT_ONCE + 1, now=AT + 1)
    await refused(stand, "too-many-attempts", MESSAGES_AT_ONCE + 2, now=AT + 1)


async def test_no_counter_is_taken_that_the_store_could_not_hold(stand: Stand) -> None:
    await refused(stand, "message-malformed", MAX_COUNTER + 1)
    message = stand.laptop.signed(PATH, b"{}")
    with pytest.raises(DoorwardError, match=r"^message-malformed:"):
        await nonce_for(stand.fleet, stand.laptop.id, message, counter=MAX_COUNTER, at=AT, now=AT)
    await stand.send(MAX_COUNTER)
    assert await write_roll(stand.control.store, stand.fleet.roll) == 1
