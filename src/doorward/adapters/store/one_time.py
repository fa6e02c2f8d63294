"""Secrets that work once."""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import one_time
from doorward.adapters.store.upsert import insert_or_replace, insert_or_replace_expired
from doorward.administrator.ports import OneTime
from doorward.model.ids import UnixSeconds, UserId

_found = select(one_time.c.data, one_time.c.expires_at).where(
    one_time.c.purpose == bindparam("purpose_"),
    one_time.c.key == bindparam("key_"),
    one_time.c.expires_at > bindparam("now_"),
)
_remove = delete(one_time).where(
    one_time.c.purpose == bindparam("purpose_"), one_time.c.key == bindparam("key_")
)


class OneTimeSecrets:
    """Port `OneTimeTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, item: OneTime) -> None:
        await self._connection.execute(insert_or_replace(self._connection, one_time), _row(item))

    async def add(self, item: OneTime, now: UnixSeconds) -> bool:
        statement = insert_or_replace_expired(self._connection, one_time)
        added = await self._connection.execute(statement, _row(item) | {"now_": now})
        return added.rowcount == 1

    async def peek(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None:
        rows = await self._connection.execute(
            _found, {"purpose_": purpose, "key_": key, "now_": now}
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

    async def remove_of(self, user: UserId) -> int:
        # The few there are live for minutes, and only their writers know what they hold.
        rows = await self._connection.execute(
            select(one_time.c.purpose, one_time.c.key, one_time.c.data)
        )
        found = [row for row in rows if _names(row.data, user)]
        for row in found:
            await self._remove(row.purpose, row.key)
        return len(found)

    async def _remove(self, purpose: str, key: str) -> None:
        await self._connection.execute(_remove, {"purpose_": purpose, "key_": key})


def _row(item: OneTime) -> dict[str, object]:
    return {
        "purpose": item.purpose,
        "key": item.key,
        "data": bytes(item.data).decode(),
        "expires_at": item.expires_at,
    }


def _names(data: str, user: UserId) -> bool:
    value = msgspec.json.decode(data)
    return isinstance(value, dict) and value.get("user") == user
