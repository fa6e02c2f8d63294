"""A laptop that reports to the application that devices speak to, on the store in memory."""

from __future__ import annotations

from typing import Any, Self

import httpx
import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.watch import Watch
from doorward.administrator.ports import Revision
from doorward.entrypoints.fleet.app import app
from doorward.model.device import Device
from doorward.model.estate import User
from doorward.model.ids import DeviceId, UserId
from doorward.model.posture import Fact, FactName, FactValue
from doorward.model.snapshot import Kind, change
from doorward.protocol.agent import DEVICES, SIGNATURE_HEADER, Report, Taken
from tests.fakes.fleet import AT, SoftwareDevice, fleet_on
from tests.fakes.store import MemoryStore, control_plane

ALICE, LAPTOP = UserId("alice"), DeviceId("laptop")


def fact(name: FactName, value: FactValue | None, at: float = AT) -> Fact:
    return Fact(name=name, value=value, at=at, method="test")


class Stand:
    """A laptop of Alice's, and the background pass, at `now`."""

    def __init__(self) -> None:
        self.now = AT
        self.control: ControlPlane = control_plane(MemoryStore())
        self.fleet: Fleet = fleet_on(self.control)
        self.watch = Watch(self.fleet)
        self.laptop = SoftwareDevice(LAPTOP)
        self.counter = 0

    @classmethod
    async def ready(cls) -> Self:
        """With Alice and her laptop."""
        stand = cls()
        await stand.publish(("user", User(id=ALICE, name="Alice", email="a@example.test")))
        await stand.laptop.enrolled(stand.control, ALICE, platform="linux", name="Laptop")
        return stand

    async def publish(self, *documents: tuple[Kind, Any]) -> None:
        """Publish, and let the background pass hear of it."""
        changes = [change(kind, document) for kind, document in documents]
        async with self.control.store.transaction() as transaction:
            number = await transaction.snapshot.publish(changes)
        await self.control.live.reached(number)
        self.watch.note(Revision(number=number, changes=tuple(changes)))

    def report(self, *facts: Fact, **how: object) -> Report:
        self.counter += 1
        fields: dict[str, Any] = {
            "counter": self.counter,
            "nonce": self.fleet.nonces.nonce(LAPTOP, self.counter, self.now),
            "at": self.now,
            "platform": "linux",
            "facts": facts,
        }
        return Report(**(fields | how))

    async def post(
        self, body: msgspec.Struct | bytes, *, sign: bool = True, what: str = "reports"
    ) -> httpx.Response:
        path = f"{DEVICES}/{LAPTOP}/{what}"
        message = self.laptop.signed(path, body)
        headers = {SIGNATURE_HEADER: message.signature} if sign else {}
        transport = httpx.ASGITransport(app(self.fleet, lambda: self.now))
        async with httpx.AsyncClient(transport=transport, base_url="http://auth.test") as client:
            return await client.post(path, content=message.body, headers=headers)

    async def send(self, *facts: Fact, **how: object) -> Taken:
        answer = await self.post(self.report(*facts, **how))
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=Taken)

    def device(self) -> Device:
        return self.control.live.current.devices[LAPTOP]

    async def audited(self) -> list[str]:
        async with self.control.store.transaction() as transaction:
            return [entry.act for entry in await transaction.audit.latest(50)]

    async def number(self) -> int:
        return (await self.control.store.load()).number

    async def after(self, seconds: float) -> None:
        self.now += seconds
        await self.watch.look(self.now)
