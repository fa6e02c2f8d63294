"""Secrets that work once."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import one_time
from doorward.administrator.ports import OneTime
from doorward.model.ids import UnixSeconds


class OneTimeSecrets:
    """Port `OneTimeTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, item: OneTime) -> None:
        await self._remove(item.purpose, item.key)
        await self._connection.execute(
            insert(one_time).values(
                purpose=item.purpose,
                key=item.key,
                data=bytes(item.data).decode(),
                expires_at=item.expires_at,
            )
        )

    async def peek(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None:
        rows = await self._connection.execute(
            select(one_time.c.data, one_time.c.expires_at).where(
                one_time.c.purpose == purpose, one_time.c.key == key, one_time.c.expires_at > now
            )
        )
        row = rows.first()
        if row is None:
            return None
        return OneTime(
            purpose=purpose,
            key=key,
            data=msgspec.Raw(row.data.encode()),
            expires_at=row.expires_at,
        )

    async def take(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None:
        item = await self.peek(purpose, key, now)
        await self._remove(purpose, key)
        return item

    async def sweep(self, now: UnixSeconds) -> None:
        await self._connection.execute(delete(one_time).where(one_time.c.expires_at <= now))

    async def _remove(self, purpose: str, key: str) -> None:
        await self._connection.execute(
            delete(one_time).where(one_time.c.purpose == purpose, one_time.c.key == key)
        )
