"""Recovery codes, and requests for recovery."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import recovery, recovery_code
from doorward.administrator.recovery_ports import LISTED, LISTED_OF_EACH, Recovery
from doorward.model.ids import UnixSeconds, UserId


class RecoveryCodes:
    """Port `RecoveryCodeTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(self, user: UserId, hashes: Sequence[str], at: UnixSeconds) -> None:
        await self._connection.execute(delete(recovery_code).where(recovery_code.c.user == user))
        if hashes:
            rows = [{"user": user, "hash": item, "made_at": at} for item in hashes]
            await self._connection.execute(insert(recovery_code), rows)

    async def holds(self, user: UserId, code_hash: str) -> bool:
        own = recovery_code.c.user == user, recovery_code.c.hash == code_hash
        return await self._connection.scalar(select(recovery_code.c.hash).where(*own)) is not None

    async def take(self, user: UserId, code_hash: str) -> bool:
        own = recovery_code.c.user == user, recovery_code.c.hash == code_hash
        return (await self._connection.execute(delete(recovery_code).where(*own))).rowcount == 1

    async def left(self, user: UserId) -> int:
        counted = select(func.count()).where(recovery_code.c.user == user)
        return await self._connection.scalar(counted) or 0


class Recoveries:
    """Port `RecoveryTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, item: Recovery) -> None:
        await self._connection.execute(
            delete(recovery).where((recovery.c.id == item.id) | (recovery.c.flow == item.flow))
        )
        await self._connection.execute(insert(recovery).values(msgspec.structs.asdict(item)))

    async def get(self, recovery_id: str) -> Recovery | None:
        rows = await self._connection.execute(select(recovery).where(recovery.c.id == recovery_id))
        row = rows.first()
        return None if row is None else _recovery(row)

    async def of_flow(self, flow: str) -> Recovery | None:
        rows = await self._connection.execute(select(recovery).where(recovery.c.flow == flow))
        row = rows.first()
        return None if row is None else _recovery(row)

    async def waiting(self, now: UnixSeconds, *, code_hash: str = "") -> Sequence[Recovery]:
        newest = recovery.c.requested_at.desc(), recovery.c.id.desc()
        place = func.row_number().over(partition_by=recovery.c.user, order_by=newest)
        undecided = select(recovery.c.id, place.label("place")).where(
            recovery.c.state == "waiting", recovery.c.user != "", recovery.c.expires_at > now
        )
        if code_hash:
            undecided = undecided.where(recovery.c.code_hash == code_hash)
        ranked = undecided.subquery()
        rows = await self._connection.execute(
            select(recovery)
            .join(ranked, ranked.c.id == recovery.c.id)
            .where(ranked.c.place <= LISTED_OF_EACH)
            .order_by(*newest)
            .limit(LISTED)
        )
        return [_recovery(row) for row in rows][::-1]

    async def remove_of(self, user: UserId) -> int:
        own = (recovery.c.user == user) | (recovery.c.decided_by == f"user:{user}")
        return (await self._connection.execute(delete(recovery).where(own))).rowcount

    async def sweep(self, now: UnixSeconds) -> None:
        await self._connection.execute(delete(recovery).where(recovery.c.expires_at <= now))


def _recovery(row: Row[*tuple[object, ...]]) -> Recovery:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    fields["sealed_code"] = bytes(fields["sealed_code"])
    return Recovery(**fields)
