"""When sessions were used, and how far each source has been heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import activity_source, session_activity
from doorward.adapters.store.upsert import insert_into
from doorward.model.ids import UnixSeconds

_PER_STATEMENT = 500


class SessionActivity:
    """Port `ActivityTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def heard(
        self, used: Mapping[str, UnixSeconds], sources: Mapping[str, UnixSeconds]
    ) -> None:
        await self._later(session_activity, used)
        await self._later(activity_source, sources)

    async def used(self, sessions: Collection[str]) -> Mapping[str, UnixSeconds]:
        found: dict[str, UnixSeconds] = {}
        asked = list(sessions)
        for start in range(0, len(asked), _PER_STATEMENT):
            some = asked[start : start + _PER_STATEMENT]
            rows = await self._connection.execute(
                select(session_activity).where(session_activity.c.id.in_(some))
            )
            found.update((row.id, row.at) for row in rows)
        return found

    async def sources(self) -> Mapping[str, UnixSeconds]:
        rows = await self._connection.execute(select(activity_source))
        return {row.id: row.at for row in rows}

    async def forget_source(self, source: str) -> None:
        await self._connection.execute(
            delete(activity_source).where(activity_source.c.id == source)
        )

    async def remove_before(self, moment: UnixSeconds) -> None:
        for table in (session_activity, activity_source):
            await self._connection.execute(delete(table).where(table.c.at < moment))

    async def _later(self, table: Table, moments: Mapping[str, UnixSeconds]) -> None:
        if not moments:
            return
        new = insert_into(self._connection, table)
        later = new.on_conflict_do_update(
            index_elements=["id"],
            set_={"at": new.excluded.at},
            where=table.c.at < new.excluded.at,
        )
        await self._connection.execute(later, [{"id": key, "at": moments[key]} for key in moments])
