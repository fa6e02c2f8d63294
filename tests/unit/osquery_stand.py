"""osquery's API over HTTP, on a fleet in memory: what the tests of it stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from doorward.administrator.control_plane import Act
from doorward.administrator.fleet.osquery_ports import OsqueryHost
from doorward.administrator.osquery.assign import assign_host
from doorward.administrator.osquery.secrets import new_secret
from doorward.administrator.ports import AuditEntry
from doorward.entrypoints.fleet.osquery import app
from doorward.model.ids import DeviceId, UserId
from tests.fakes.fleet import AT, SoftwareDevice
from tests.fakes.osquery_client import Flags, OsqueryClient
from tests.fakes.osquery_desk import KeptFacts, osquery_on
from tests.fakes.osquery_tables import Machine
from tests.fakes.store import MemoryStore, control_plane

ALICE = UserId("alice")
ADDRESS = "192.0.2.7"
UUID = "4C4C4544-0042"


class Stand:
    """The application with a secret of enrolment, at `now`."""

    def __init__(self) -> None:
        self.control = control_plane(MemoryStore())
        self.taking = KeptFacts()
        self.osquery = osquery_on(self.control, self.taking)
        self.now = AT
        self.secret = ""
        self.http: httpx.AsyncClient

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer, as long as this is open."""
        made = await new_secret(self.control, self.act, note="roll-out", expires_at=None)
        self.secret = made.plain
        transport = httpx.ASGITransport(app(self.osquery, lambda: self.now))
        async with httpx.AsyncClient(
            transport=transport,
            base_url="https://auth.corp.test",
            headers={"x-forwarded-for": ADDRESS},
        ) as opened:
            self.http = opened
            yield

    @property
    def act(self) -> Act:
        """What an operator does now."""
        return Act("operator", self.now)

    def client(
        self, platform: str = "linux", identifier: str = UUID, **flags: Any
    ) -> OsqueryClient:
        """An osqueryd that has enrolled nowhere yet."""
        chosen = Flags(enroll_secret=self.secret, host_identifier=identifier, **flags)
        return OsqueryClient(self.http, Machine(platform), chosen, self.now)

    async def device(self, name: str = "laptop") -> SoftwareDevice:
        """An enrolled device of alice's."""
        device = SoftwareDevice(DeviceId(name))
        await device.enrolled(self.control, ALICE)
        return device

    async def assigned(self, client: OsqueryClient, name: str = "laptop") -> OsqueryHost:
        """The client's host, once it has enrolled and is assigned to a new device."""
        await self.device(name)
        await client.enroll()
        return await assign_host(
            self.osquery, self.act, (await self.hosts())[-1].id, DeviceId(name)
        )

    async def hosts(self) -> list[OsqueryHost]:
        """All hosts, the last to enrol last."""
        async with self.control.store.transaction() as transaction:
            found = await transaction.devices.osquery.hosts.all()
        return sorted(found, key=lambda host: (host.enrolled_at, host.id))

    async def audit(self, act: str) -> list[AuditEntry]:
        """The entries of one kind."""
        async with self.control.store.transaction() as transaction:
            entries = await transaction.audit.entries(after=0, limit=10_000)
        return [entry for entry in entries if entry.act == act]

    def pass_time(self, seconds: float, *clients: OsqueryClient) -> None:
        """Move the clocks."""
        self.now += seconds
        for client in clients:
            client.now = self.now
