"""Attempts at what can be guessed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import attempt as table
from doorward.adapters.store.upsert import insert_or_replace
from doorward.administrator.attempt_ports import Attempts
from doorward.model.ids import UnixSeconds

_own = table.c.purpose == bindparam("purpose_"), table.c.subject == bindparam("subject_")
_found = select(table).where(*_own)
_forget = delete(table).where(*_own, table.c.in_a_row >= bindparam("at_least_"))


class AttemptCounts:
    """Port `AttemptTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, purpose: str, subject: str) -> Attempts | None:
        own = {"purpose_": purpose, "subject_": subject}
        row = (await self._connection.execute(_found, own)).first()
        return None if row is None else _attempts(row)

    async def put(self, attempts: Attempts) -> None:
        row = msgspec.structs.asdict(attempts)
        row["moments"] = msgspec.json.encode(attempts.moments).decode()
        await self._connection.execute(insert_or_replace(self._connection, table), row)

    async def forget(self, purpose: str, subject: str, *, at_least: int = 0) -> bool:
        own = {"purpose_": purpose, "subject_": subject, "at_least_": at_least}
        return (await self._connection.execute(_forget, own)).rowcount == 1

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
