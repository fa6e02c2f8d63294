"""Devices: their enrolments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.posture import Posture
from doorward.adapters.store.tables import device_record
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.model.ids import DeviceId


class DeviceRecords:
    """Port `DeviceRecordTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, device: DeviceId) -> DeviceRecord | None:
        rows = await self._connection.execute(
            select(device_record).where(device_record.c.id == device)
        )
        row = rows.mappings().first()
        return None if row is None else DeviceRecord(**row)

    async def all(self) -> Sequence[DeviceRecord]:
        rows = await self._connection.execute(select(device_record).order_by(device_record.c.id))
        return [DeviceRecord(**row) for row in rows.mappings()]

    async def of(self, devices: Sequence[DeviceId]) -> Sequence[DeviceRecord]:
        rows = await self._connection.execute(
            select(device_record).where(device_record.c.id.in_(devices))
        )
        return [DeviceRecord(**row) for row in rows.mappings()]

    async def put(self, records: Sequence[DeviceRecord]) -> None:
        if not records:
            return
        # Deleted row by row: a list of ids as parameters has a limit on every database.
        gone = delete(device_record).where(device_record.c.id == bindparam("device"))
        await self._connection.execute(gone, [{"device": item.id} for item in records])
        rows = [msgspec.structs.asdict(item) for item in records]
        await self._connection.execute(insert(device_record), rows)

    async def heard(self, records: Sequence[DeviceRecord]) -> None:
        if not records:
            return
        later = (
            update(device_record)
            .where(
                device_record.c.id == bindparam("device"),
                device_record.c.public_key == bindparam("key"),
                device_record.c.counter < bindparam("count"),
            )
            .values(
                counter=bindparam("count"),
                digest=bindparam("body"),
                last_seen_at=bindparam("seen"),
            )
        )
        rows = [
            {
                "device": item.id,
                "key": item.public_key,
                "count": item.counter,
                "body": item.digest,
                "seen": item.last_seen_at,
            }
            for item in records
        ]
        await self._connection.execute(later, rows)

    async def remove(self, device: DeviceId) -> bool:
        gone = delete(device_record).where(device_record.c.id == device)
        return (await self._connection.execute(gone)).rowcount == 1


@dataclass(frozen=True, slots=True)
class Devices:
    """Port `DeviceTables` on one connection's transaction."""

    records: DeviceRecords
    posture: Posture

    @classmethod
    def on(cls, connection: AsyncConnection) -> Self:
        """The tables on `connection`."""
        return cls(DeviceRecords(connection), Posture.on(connection))
