"""Devices' health: what is known of each, what it does not pass, and how that changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
from sqlalchemy import bindparam, case, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.posture_tables import (
    device_finding,
    device_health_change,
    device_posture,
    fleet_sample,
)
from doorward.administrator.fleet.health import (
    CheckCount,
    FleetSample,
    HealthChange,
    PolicyCount,
    SilentDevice,
    State,
)
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds
from doorward.model.posture import FactName

_STATES: tuple[State, ...] = ("grace", "unknown", "failing")
_AT_ONCE = 500
"""So many ids in one statement: every database has a limit."""


class PostureRecords:
    """Port `PostureTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def revisions(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, int]:
        table, found = device_posture.c, {}
        for some in _chunks(devices):
            rows = await self._connection.execute(
                select(table.device, table.revision).where(table.device.in_(some))
            )
            found.update({DeviceId(device): revision for device, revision in rows})
        return found

    async def of(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, PostureRecord]:
        found: dict[DeviceId, PostureRecord] = {}
        for some in _chunks(devices):
            rows = await self._connection.execute(
                select(device_posture).where(device_posture.c.device.in_(some))
            )
            found.update({row["device"]: PostureRecord(**row) for row in rows.mappings()})
        return found

    async def put(self, records: Sequence[PostureRecord]) -> None:
        if records:
            await _forget(self._connection, "posture", [item.device for item in records])
            await self._connection.execute(
                insert(device_posture), [msgspec.structs.asdict(item) for item in records]
            )

    async def remove(self, devices: Sequence[DeviceId]) -> None:
        for name in _TABLES:
            await _forget(self._connection, name, devices)

    async def due(self, now: UnixSeconds, limit: int) -> Sequence[DeviceId]:
        table = device_posture.c
        found = await self._connection.scalars(
            select(table.device).where(table.due_at <= now).order_by(table.due_at).limit(limit)
        )
        return [DeviceId(device) for device in found]

    async def silent(self, moment: UnixSeconds) -> Sequence[SilentDevice]:
        table = device_posture.c
        rows = await self._connection.execute(
            select(table.device, table.seen_at)
            .where(table.seen_at <= moment)
            .order_by(table.seen_at, table.device)
        )
        return [SilentDevice(device=DeviceId(row[0]), last_seen_at=row[1]) for row in rows]


class Findings:
    """Port `FindingTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, tuple[FindingRecord, ...]]:
        table = device_finding.c
        found: dict[DeviceId, tuple[FindingRecord, ...]] = {}
        for some in _chunks(devices):
            rows = await self._connection.execute(
                select(device_finding)
                .where(table.device.in_(some))
                .order_by(table.policy, table.fact)
            )
            for row in rows.mappings():
                fields = dict(row)
                device = DeviceId(fields.pop("device"))
                found[device] = (*found.get(device, ()), FindingRecord(**fields))
        return found

    async def replace(self, findings: Mapping[DeviceId, Sequence[FindingRecord]]) -> None:
        await _forget(self._connection, "finding", list(findings))
        rows = [
            {"device": device, **msgspec.structs.asdict(item)}
            for device, items in findings.items()
            for item in items
        ]
        if rows:
            await self._connection.execute(insert(device_finding), rows)

    async def counts(self) -> Sequence[CheckCount]:
        table, devices = device_finding.c, func.count()
        rows = await self._connection.execute(
            select(table.policy, table.fact, table.state, devices)
            .where(table.state != "passing")
            .group_by(table.policy, table.fact, table.state)
            .order_by(devices.desc(), table.policy, table.fact, table.state)
        )
        return [CheckCount(policy=p, fact=f, state=s, devices=n) for p, f, s, n in rows]

    async def devices(self, policy: ComplianceId, fact: FactName) -> Sequence[DeviceId]:
        table = device_finding.c
        found = await self._connection.scalars(
            select(table.device)
            .where(table.policy == policy, table.fact == fact, table.state != "passing")
            .order_by(table.device)
        )
        return [DeviceId(device) for device in found]

    async def policy_counts(self) -> Sequence[PolicyCount]:
        table = device_finding.c
        badness = case(*((table.state == state, rank) for rank, state in enumerate(_STATES)))
        worst = (
            select(table.policy, func.max(badness).label("rank"))
            .where(table.state != "passing")
            .group_by(table.device, table.policy)
            .subquery()
        )
        rows = await self._connection.execute(
            select(worst.c.policy, worst.c.rank, func.count())
            .group_by(worst.c.policy, worst.c.rank)
            .order_by(worst.c.policy, worst.c.rank)
        )
        return [PolicyCount(policy=p, state=_STATES[rank], devices=n) for p, rank, n in rows]


class HealthHistory:
    """Port `HealthHistoryTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, changes: Sequence[HealthChange]) -> None:
        if changes:
            rows = [msgspec.structs.asdict(item) for item in changes]
            await self._connection.execute(insert(device_health_change), rows)

    async def of(self, device: DeviceId, limit: int) -> Sequence[HealthChange]:
        table = device_health_change.c
        rows = await self._connection.execute(
            select(table.device, table.at, table.healthy, table.findings)
            .where(table.device == device)
            .order_by(table.seq.desc())
            .limit(limit)
        )
        return [HealthChange(**row) for row in rows.mappings()]

    async def add_sample(self, sample: FleetSample) -> None:
        table = fleet_sample.c
        there = await self._connection.scalar(select(table.at).where(table.at == sample.at))
        if there is None:
            await self._connection.execute(
                insert(fleet_sample).values(msgspec.structs.asdict(sample))
            )

    async def samples(self, since: UnixSeconds) -> Sequence[FleetSample]:
        table = fleet_sample.c
        rows = await self._connection.execute(
            select(fleet_sample).where(table.at >= since).order_by(table.at)
        )
        return [FleetSample(**row) for row in rows.mappings()]

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        changes, samples = device_health_change.c, fleet_sample.c
        old = select(changes.seq).where(changes.at < moment).order_by(changes.at).limit(limit)
        gone = await self._connection.execute(
            delete(device_health_change).where(changes.seq.in_(old))
        )
        early = select(samples.at).where(samples.at < moment).order_by(samples.at).limit(limit)
        more = await self._connection.execute(delete(fleet_sample).where(samples.at.in_(early)))
        return gone.rowcount + more.rowcount


@dataclass(frozen=True, slots=True)
class Posture:
    """Port `PostureTables` on one connection's transaction."""

    records: PostureRecords
    findings: Findings
    history: HealthHistory

    @classmethod
    def on(cls, connection: AsyncConnection) -> Self:
        """The tables on `connection`."""
        return cls(PostureRecords(connection), Findings(connection), HealthHistory(connection))


_TABLES = {"posture": device_posture, "finding": device_finding, "change": device_health_change}


async def _forget(connection: AsyncConnection, name: str, devices: Iterable[DeviceId]) -> None:
    table = _TABLES[name]
    rows = [{"gone": device} for device in devices]
    if rows:
        await connection.execute(delete(table).where(table.c.device == bindparam("gone")), rows)


def _chunks(devices: Sequence[DeviceId]) -> Iterator[Sequence[DeviceId]]:
    for start in range(0, len(devices), _AT_ONCE):
        yield devices[start : start + _AT_ONCE]
