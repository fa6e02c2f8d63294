"""Two control processes on one store: a device that one hears is not silent for the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from doorward.adapters.live_snapshot import StoreReplica
from doorward.adapters.store.store import open_store
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.health import health_of
from doorward.administrator.devices.manage_devices import report_posture
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.take_facts import take_facts
from doorward.administrator.devices.watch import Watch
from doorward.administrator.ports import Store
from doorward.model.compliance import Check, Compliance
from doorward.model.device import Device
from doorward.model.ids import ComplianceId, DeviceId, UserId
from doorward.model.posture import Fact, FactName, Trust
from doorward.model.snapshot import change
from tests.fakes.fleet import AT, fleet_on
from tests.fakes.store import MemoryStore, control_plane

LAPTOP = DeviceId("laptop")
POLICY = Compliance(
    id=ComplianceId("base"),
    name="Basics",
    mode="enforce",
    checks=(
        Check(fact="firewall", want=True),
        Check(fact="secure-boot", want=True, grace_hours=24),
    ),
)


class Process:
    """One control process: its own replica, memory and background pass."""

    def __init__(self, store: Store) -> None:
        self.replica = StoreReplica(store)
        self.control: ControlPlane = replace(
            control_plane(MemoryStore()), store=store, live=self.replica
        )
        self.fleet: Fleet = fleet_on(self.control)
        self.watch = Watch(self.fleet)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = self.replica.listen(self.watch.note)
        task = asyncio.create_task(self.replica.run())
        try:
            async with asyncio.timeout(5):
                await self.replica.reached(1)
            yield
        finally:
            stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # before its store is closed

    async def hears(self, now: float, **facts: bool) -> None:
        found = [
            Fact(name=_name(name), value=value, at=now, method="test")
            for name, value in facts.items()
        ]
        await take_facts(self.fleet, LAPTOP, found, Trust.SIGNED, now)


def _name(name: str) -> FactName:
    return "firewall" if name == "firewall" else "secure-boot"


async def caught_up(*processes: Process) -> Device:
    """Let each hear of what the others published, and look; the device as all see it then."""
    number = (await processes[0].control.store.load()).number
    async with asyncio.timeout(5):
        found = [(await item.replica.reached(number)).devices[LAPTOP] for item in processes]
    assert all(device == found[0] for device in found)
    return found[0]


@pytest.fixture
async def pair(store_url: str) -> AsyncIterator[list[Process]]:
    stores = [open_store(store_url, poll_seconds=0.05) for _ in range(2)]
    laptop = Device(id=LAPTOP, owner=UserId("alice"), key="ab", platform="linux")
    async with stores[0].transaction() as transaction:
        await transaction.snapshot.publish([change("compliance", POLICY), change("device", laptop)])
    processes = [Process(store) for store in stores]
    async with processes[0].running(), processes[1].running():
        yield processes
    for store in stores:
        await store.close()


async def test_who_did_not_hear_a_device_does_not_call_it_silent(pair: list[Process]) -> None:
    here, there = pair
    await here.hears(AT, firewall=True, secure_boot=True)
    await there.watch.look(AT)
    assert (await caught_up(*pair)).healthy is True
    await here.hears(AT + 600, firewall=True, secure_boot=True)
    await here.watch.look(AT + 601)
    await there.watch.look(AT + 901)
    assert (await caught_up(*pair)).healthy is True
    assert not (await health_of(there.fleet, LAPTOP, AT + 901)).silent
    # Nobody hears it any more: whoever looks first says so, even who never heard it.
    await there.watch.look(AT + 1500)
    assert (await caught_up(*pair)).healthy is None


async def test_what_each_hears_is_put_together(pair: list[Process]) -> None:
    here, there = pair
    await here.hears(AT, firewall=True, secure_boot=False)
    await there.hears(AT + 60, firewall=True)
    await here.hears(AT + 120, firewall=True)
    for process in pair:
        await process.watch.look(AT + 121)
    assert (await caught_up(*pair)).healthy is True
    for process in pair:
        found = await health_of(process.fleet, LAPTOP, AT + 122)
        assert [(item.fact.name, item.fact.at) for item in found.known] == [
            ("firewall", AT + 120),
            ("secure-boot", AT),
        ]
        [finding] = found.findings
        assert (finding.fact, finding.state, finding.since) == ("secure-boot", "grace", AT)


async def test_one_that_is_behind_does_not_undo_what_the_other_concluded(
    pair: list[Process],
) -> None:
    here, there = pair
    await here.hears(AT, firewall=True, secure_boot=True)
    await there.hears(AT + 10, firewall=True, secure_boot=True)
    await there.hears(AT + 60, firewall=False)
    assert (await caught_up(*pair)).healthy is False
    # Its own memory says that all was well; it is asked to look, and reads what the store says.
    here.watch.note(None)
    await here.watch.look(AT + 61)
    assert (await caught_up(*pair)).healthy is False
    await here.hears(AT + 120, secure_boot=True)
    assert (await caught_up(*pair)).healthy is False
    await here.hears(AT + 130, firewall=True)
    assert (await caught_up(*pair)).healthy is True


async def test_the_operators_word_holds_whoever_hears_the_device(pair: list[Process]) -> None:
    here, there = pair
    await here.hears(AT, firewall=True, secure_boot=True)
    await caught_up(*pair)
    act = Act("operator", AT + 10)
    await report_posture(there.control, act, LAPTOP, healthy=False, reason="lost")
    await caught_up(*pair)
    await here.hears(AT + 60, firewall=True, secure_boot=True)
    await here.watch.look(AT + 61)
    device = await caught_up(*pair)
    assert (device.healthy, device.reason) == (False, "lost")
