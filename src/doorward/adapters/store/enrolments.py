"""Enrolments of devices that wait."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import enrolment as table
from doorward.administrator.fleet.enrolment_ports import Enrolment
from doorward.model.ids import UnixSeconds, UserId


class Enrolments:
    """Port `EnrolmentTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, enrolment: Enrolment) -> None:
        same = or_(table.c.id == enrolment.id, table.c.public_key == enrolment.public_key)
        await self._connection.execute(delete(table).where(same))
        await self._connection.execute(insert(table).values(msgspec.structs.asdict(enrolment)))

    async def get(self, enrolment_id: str) -> Enrolment | None:
        rows = await self._connection.execute(select(table).where(table.c.id == enrolment_id))
        row = rows.mappings().first()
        return None if row is None else Enrolment(**row)

    async def of_code(self, code_hash: str, now: UnixSeconds) -> Enrolment | None:
        waiting = select(table).where(
            table.c.code_hash == code_hash, table.c.state == "waiting", table.c.expires_at > now
        )
        row = (await self._connection.execute(waiting)).mappings().first()
        return None if row is None else Enrolment(**row)

    async def claimed_by(self, user: UserId, now: UnixSeconds) -> Sequence[Enrolment]:
        claimed = (
            select(table)
            .where(table.c.user == user, table.c.state == "claimed", table.c.expires_at > now)
            .order_by(table.c.asked_at, table.c.id)
        )
        rows = await self._connection.execute(claimed)
        return [Enrolment(**row) for row in rows.mappings()]

    async def remove_of(self, user: UserId) -> int:
        gone = delete(table).where(table.c.user == user)
        return (await self._connection.execute(gone)).rowcount

    async def sweep(self, now: UnixSeconds) -> None:
        await self._connection.execute(delete(table).where(table.c.expires_at <= now))
