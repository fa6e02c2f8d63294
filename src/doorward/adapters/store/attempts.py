"""Attempts at what can be guessed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import attempt as table
from doorward.administrator.attempt_ports import Attempts
from doorward.model.ids import UnixSeconds


class AttemptCounts:
    """Port `AttemptTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, purpose: str, subject: str) -> Attempts | None:
        own = table.c.purpose == purpose, table.c.subject == subject
        row = (await self._connection.execute(select(table).where(*own))).first()
        return None if row is None else _attempts(row)

    async def put(self, attempts: Attempts) -> None:
        own = table.c.purpose == attempts.purpose, table.c.subject == attempts.subject
        row = msgspec.structs.asdict(attempts)
        row["moments"] = msgspec.json.encode(attempts.moments).decode()
        await self._connection.execute(delete(table).where(*own))
        await self._connection.execute(insert(table).values(row))

    async def forget(self, purpose: str, subject: str, *, at_least: int = 0) -> bool:
        gone = delete(table).where(
            table.c.purpose == purpose, table.c.subject == subject, table.c.in_a_row >= at_least
        )
        return (await self._connection.execute(gone)).rowcount == 1

    async def untold(self, purpose: str, at_least: int, limit: int) -> Sequence[Attempts]:
        found = (
            select(table)
            .where(
                table.c.purpose == purpose,
                table.c.in_a_row >= at_least,
                table.c.told_at.is_(None),
            )
            .order_by(table.c.subject)
            .limit(limit)
        )
        return [_attempts(row) for row in await self._connection.execute(found)]

    async def remove_of(self, subject: str) -> int:
        gone = delete(table).where(table.c.subject == subject)
        return (await self._connection.execute(gone)).rowcount

    async def sweep(self, now: UnixSeconds) -> None:
        await self._connection.execute(delete(table).where(table.c.expires_at <= now))


def _attempts(row: Row[*tuple[object, ...]]) -> Attempts:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    moments = msgspec.json.decode(fields.pop("moments"), type=tuple[float, ...])
    return Attempts(**fields, moments=moments)
