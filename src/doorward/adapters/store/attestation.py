"""What is known of the TPMs of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import device_attestation
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.model.ids import DeviceId, UnixSeconds

_REGISTERS = ("reference", "measured")


class Attestations:
    """Port `AttestationTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, device: DeviceId) -> AttestationRecord | None:
        rows = await self._connection.execute(
            select(device_attestation).where(device_attestation.c.device == device)
        )
        row = rows.mappings().first()
        return None if row is None else _record(row)

    async def of_endorsement(self, endorsement: str) -> AttestationRecord | None:
        rows = await self._connection.execute(
            select(device_attestation).where(device_attestation.c.endorsement == endorsement)
        )
        row = rows.mappings().first()
        return None if row is None else _record(row)

    async def silent_since(self, moment: UnixSeconds) -> Sequence[DeviceId]:
        columns = device_attestation.c
        rows = await self._connection.scalars(
            select(columns.device).where(columns.measured_at <= moment).order_by(columns.device)
        )
        return [DeviceId(item) for item in rows]

    async def put(self, records: Sequence[AttestationRecord]) -> None:
        if not records:
            return
        # Deleted row by row: a list of ids as parameters has a limit on every database.
        gone = delete(device_attestation).where(device_attestation.c.device == bindparam("gone"))
        await self._connection.execute(gone, [{"gone": item.device} for item in records])
        await self._connection.execute(insert(device_attestation), [_row(item) for item in records])

    async def remove(self, device: DeviceId) -> bool:
        gone = delete(device_attestation).where(device_attestation.c.device == device)
        return (await self._connection.execute(gone)).rowcount == 1


def _row(record: AttestationRecord) -> dict[str, Any]:
    row = msgspec.structs.asdict(record)
    return row | {name: msgspec.json.encode(row[name]).decode() for name in _REGISTERS}


def _record(row: RowMapping) -> AttestationRecord:
    registers = {name: msgspec.json.decode(row[name], type=dict[int, str]) for name in _REGISTERS}
    return AttestationRecord(**{**row, **registers})
