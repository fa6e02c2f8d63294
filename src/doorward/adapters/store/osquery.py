"""osquery: secrets of enrolment, and hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import osquery_host, osquery_secret
from doorward.administrator.fleet.osquery_ports import OsqueryHost, OsquerySecret
from doorward.model.ids import UnixSeconds


class OsquerySecrets:
    """Port `OsquerySecretTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def by_hash(self, hashed: str) -> OsquerySecret | None:
        rows = await self._connection.execute(
            select(osquery_secret).where(osquery_secret.c.hash == hashed)
        )
        row = rows.mappings().first()
        return None if row is None else OsquerySecret(**row)

    async def all(self) -> Sequence[OsquerySecret]:
        rows = await self._connection.execute(
            select(osquery_secret).order_by(osquery_secret.c.created_at, osquery_secret.c.id)
        )
        return [OsquerySecret(**row) for row in rows.mappings()]

    async def put(self, secret: OsquerySecret) -> None:
        await self.remove(secret.id)
        await self._connection.execute(insert(osquery_secret), msgspec.structs.asdict(secret))

    async def remove(self, secret: str) -> bool:
        gone = delete(osquery_secret).where(osquery_secret.c.id == secret)
        return (await self._connection.execute(gone)).rowcount == 1


class OsqueryHosts:
    """Port `OsqueryHostTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, host: str) -> OsqueryHost | None:
        rows = await self._connection.execute(select(osquery_host).where(osquery_host.c.id == host))
        row = rows.mappings().first()
        return None if row is None else OsqueryHost(**row)

    async def by_key(self, hashed: str) -> OsqueryHost | None:
        rows = await self._connection.execute(
            select(osquery_host).where(osquery_host.c.key_hash == hashed)
        )
        row = rows.mappings().first()
        return None if row is None else OsqueryHost(**row)

    async def of_identifier(self, identifier: str) -> Sequence[OsqueryHost]:
        rows = await self._connection.execute(
            select(osquery_host)
            .where(osquery_host.c.identifier == identifier)
            .order_by(osquery_host.c.enrolled_at, osquery_host.c.id)
        )
        return [OsqueryHost(**row) for row in rows.mappings()]

    async def all(self) -> Sequence[OsqueryHost]:
        rows = await self._connection.execute(select(osquery_host).order_by(osquery_host.c.id))
        return [OsqueryHost(**row) for row in rows.mappings()]

    async def put(self, host: OsqueryHost) -> None:
        await self.remove(host.id)
        await self._connection.execute(insert(osquery_host), msgspec.structs.asdict(host))

    async def seen(self, moments: Mapping[str, UnixSeconds]) -> None:
        if not moments:
            return
        later = (
            update(osquery_host)
            .where(
                osquery_host.c.id == bindparam("host"),
                or_(
                    osquery_host.c.last_seen_at.is_(None),
                    osquery_host.c.last_seen_at < bindparam("moment"),
                ),
            )
            .values(last_seen_at=bindparam("moment"))
        )
        rows = [{"host": host, "moment": moment} for host, moment in moments.items()]
        await self._connection.execute(later, rows)

    async def remove(self, host: str) -> bool:
        gone = delete(osquery_host).where(osquery_host.c.id == host)
        return (await self._connection.execute(gone)).rowcount == 1


@dataclass(frozen=True, slots=True)
class Osquery:
    """Port `OsqueryTables` on one connection's transaction."""

    secrets: OsquerySecrets
    hosts: OsqueryHosts

    @classmethod
    def on(cls, connection: AsyncConnection) -> Self:
        """The tables on `connection`."""
        return cls(OsquerySecrets(connection), OsqueryHosts(connection))
