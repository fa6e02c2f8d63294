"""The directory of provisioned people and groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.database import Database
from doorward.adapters.store.directory_conditions import COLUMNS, ENTRY, clause
from doorward.adapters.store.tables import (
    directory_address,
    directory_body,
    directory_entry,
    directory_member,
    directory_retired,
)
from doorward.administrator.directory.conditions import Condition, Query
from doorward.administrator.directory.entries import (
    Details,
    Entry,
    EntryKind,
    Member,
    Summary,
    exact,
    folded,
    primary_address,
)
from doorward.administrator.directory.ports import Page

_ENTRIES_PER_READ = 500
_IDS_PER_READ = 500
_LAST_OFFSET = 2**63 - 1
"""Further than any directory goes, and still a number for every database."""

_whole = (
    ENTRY.id,
    ENTRY.kind,
    ENTRY.version,
    ENTRY.created,
    ENTRY.modified,
    ENTRY.changed_by,
    directory_body.c.body,
)
_joined = directory_entry.join(directory_body, directory_body.c.id == ENTRY.id)


class DirectoryRows:
    """Port `DirectoryTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None:
        return await _get(self._connection, kind, entry_id)

    async def put(self, entry: Entry, details: Details | None = None) -> None:
        if details is None:
            await self._touch(entry)
            return
        await self._forget(entry.id)
        await self._connection.execute(insert(directory_entry).values(columns(entry, details)))
        await self._connection.execute(
            insert(directory_body).values(id=entry.id, body=entry.body.decode())
        )
        addresses = [
            {
                "id": entry.id,
                "position": position,
                "value": folded(address.value) or None,
                "type": folded(address.type) or None,
            }
            for position, address in enumerate(details.addresses)
        ]
        if addresses:
            await self._connection.execute(insert(directory_address), addresses)

    async def remove(self, entry: Entry) -> None:
        await self._forget(entry.id)
        members = directory_member.c
        await self._connection.execute(
            delete(directory_member).where(
                or_(members.group_id == entry.id, members.member_id == entry.id)
            )
        )
        await self._connection.execute(
            insert(directory_retired).values(id=entry.id.lower(), at=entry.modified)
        )

    async def taken(self, entry_id: str) -> bool:
        retired = directory_retired.c.id
        held = select(ENTRY.id).where(ENTRY.id == entry_id)
        gone = select(retired).where(retired == entry_id)
        return await self._connection.scalar(held.union_all(gone).limit(1)) is not None

    async def owner(self, user_name: str) -> str | None:
        return await self._connection.scalar(
            select(ENTRY.id).where(ENTRY.user_name == folded(user_name))
        )

    async def members(self, group: str) -> Sequence[Member]:
        return (await _members(self._connection, [group])).get(group, ())

    async def change_members(
        self, group: str, added: Collection[Member], removed: Collection[str]
    ) -> None:
        table = directory_member.c
        leaving = {*removed, *(member.id for member in added)}
        if leaving:
            await self._connection.execute(
                delete(directory_member).where(
                    table.group_id == bindparam("group_"), table.member_id == bindparam("member_")
                ),
                [{"group_": group, "member_": member} for member in sorted(leaving)],
            )
        if added:
            await self._connection.execute(
                insert(directory_member),
                [
                    {"group_id": group, "member_id": member.id, "kind": member.kind}
                    for member in sorted(set(added))
                ],
            )

    async def _touch(self, entry: Entry) -> None:
        await self._connection.execute(
            update(directory_entry)
            .where(ENTRY.id == entry.id)
            .values(version=entry.version, modified=entry.modified, changed_by=entry.changed_by)
        )

    async def _forget(self, entry_id: str) -> None:
        for table in (directory_entry, directory_body, directory_address):
            await self._connection.execute(delete(table).where(table.c.id == entry_id))


class SqlDirectory:
    """Port `Directory` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None:
        async with self._database.reading() as connection:
            return await _get(connection, kind, entry_id)

    async def find(self, query: Query) -> Page:
        async with self._database.reading() as connection:
            wanted = _wanted(query.where)
            ids: Sequence[str] = ()
            if query.limit != 0:
                rows = await connection.scalars(
                    select(ENTRY.id)
                    .where(wanted)
                    .order_by(*_ordering(query))
                    .limit(query.limit)
                    .offset(min(query.offset, _LAST_OFFSET))
                )
                ids = rows.all()
            total = _told_by_page(query, len(ids))
            if total is None:
                counting = select(func.count()).select_from(directory_entry).where(wanted)
                total = await connection.scalar(counting) or 0
            return Page(total, tuple(await _entries(connection, ids)))

    async def every(self, where: Mapping[EntryKind, Condition]) -> AsyncIterator[Sequence[Entry]]:
        last = ""
        while True:
            async with self._database.reading() as connection:
                rows = await connection.scalars(
                    select(ENTRY.id)
                    .where(_wanted(where), ENTRY.id > last)
                    .order_by(ENTRY.id)
                    .limit(_ENTRIES_PER_READ)
                )
                entries = await _entries(connection, rows.all())
            if not entries:
                return
            yield entries
            last = entries[-1].id

    async def members(self, groups: Collection[str]) -> Mapping[str, Sequence[Member]]:
        async with self._database.reading() as connection:
            return await _members(connection, groups)

    async def memberships(self, ids: Collection[str]) -> Mapping[str, Sequence[Member]]:
        table = directory_member.c
        found: dict[str, list[Member]] = {}
        async with self._database.reading() as connection:
            for some in _batches(ids):
                rows = await connection.execute(
                    select(table.member_id, table.group_id)
                    .where(table.member_id.in_(some))
                    .order_by(table.member_id, table.group_id)
                )
                for member, group in rows:
                    found.setdefault(member, []).append(Member(group, "group"))
        return found

    async def summary(self) -> Summary:
        inactive = func.sum(case((ENTRY.active.is_(False), 1), else_=0))
        async with self._database.reading() as connection:
            rows = await connection.execute(
                select(ENTRY.kind, func.count(), inactive).group_by(ENTRY.kind)
            )
            counts = {kind: (int(number), int(without)) for kind, number, without in rows}
            newest = select(ENTRY.modified, ENTRY.changed_by).order_by(ENTRY.modified.desc())
            latest = (await connection.execute(newest.limit(1))).first()
        people, without = counts.get("user", (0, 0))
        return Summary(
            people=people,
            inactive=without,
            groups=counts.get("group", (0, 0))[0],
            changed=0.0 if latest is None else latest.modified,
            changed_by="" if latest is None else latest.changed_by,
        )


def columns(entry: Entry, details: Details) -> dict[str, object]:
    """The row of `directory_entry`."""
    primary = primary_address(details)
    return {
        "id": entry.id,
        "kind": entry.kind,
        "version": entry.version,
        "created": entry.created,
        "modified": entry.modified,
        "changed_by": entry.changed_by,
        "user_name": folded(details.user_name) or None,
        "external_id": exact(details.external_id) or None,
        "display_name": folded(details.display_name) or None,
        "given_name": folded(details.given_name) or None,
        "family_name": folded(details.family_name) or None,
        "address": None if primary is None else folded(primary.value) or None,
        "active": details.active,
    }


def _told_by_page(query: Query, found: int) -> int | None:
    """How many there are in all, where a page of `found` entries says it: one that is not full."""
    full = query.limit is not None and found == query.limit
    beyond = not found and query.offset > 0
    return None if full or beyond else query.offset + found


def _wanted(where: Mapping[EntryKind, Condition]) -> ColumnElement[bool]:
    each = [and_(ENTRY.kind == kind, clause(condition)) for kind, condition in where.items()]
    return each[0] if len(each) == 1 else or_(*each)


def _ordering(query: Query) -> Iterable[ColumnElement[Any]]:
    order = query.order
    if order is None:
        return [ENTRY.id]
    column = COLUMNS[order.field]
    if order.descending:
        return [column.desc().nulls_first(), ENTRY.id.desc()]
    return [column.asc().nulls_last(), ENTRY.id]


async def _get(connection: AsyncConnection, kind: EntryKind, entry_id: str) -> Entry | None:
    rows = await connection.execute(
        select(*_whole).select_from(_joined).where(ENTRY.id == entry_id, ENTRY.kind == kind)
    )
    row = rows.first()
    return None if row is None else _entry(row)


async def _entries(connection: AsyncConnection, ids: Sequence[str]) -> list[Entry]:
    """The entries of `ids`, in that order."""
    found: dict[str, Entry] = {}
    for some in _batches(ids):
        rows = await connection.execute(
            select(*_whole).select_from(_joined).where(ENTRY.id.in_(some))
        )
        found |= {row.id: _entry(row) for row in rows}
    return [found[entry_id] for entry_id in ids]


async def _members(
    connection: AsyncConnection, groups: Collection[str]
) -> dict[str, Sequence[Member]]:
    table = directory_member.c
    found: dict[str, list[Member]] = {}
    for some in _batches(groups):
        rows = await connection.execute(
            select(table.group_id, table.member_id, table.kind)
            .where(table.group_id.in_(some))
            .order_by(table.group_id, table.member_id)
        )
        for group, member, kind in rows:
            found.setdefault(group, []).append(Member(member, kind))
    return dict(found)


def _batches(ids: Collection[str]) -> Iterable[Sequence[str]]:
    listed = list(ids)
    for start in range(0, len(listed), _IDS_PER_READ):
        yield listed[start : start + _IDS_PER_READ]


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(
        kind=row.kind,
        id=row.id,
        body=row.body.encode(),
        version=row.version,
        created=row.created,
        modified=row.modified,
        changed_by=row.changed_by,
    )
