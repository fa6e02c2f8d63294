"""Reading the directory: entries, pages of them with their memberships, and how many there are.

A page is read in few statements on one connection, so that all of it is of one moment, and by
one call of `run_sync`, so that no thread is waited for in between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from doorward.adapters.store.database import Database
from doorward.adapters.store.directory_conditions import (
    COLUMNS,
    ENTRY,
    beside,
    clause,
    is_beside_id,
)
from doorward.adapters.store.directory_trigrams import Part, entries_named
from doorward.adapters.store.tables import directory_body, directory_entry, directory_member
from doorward.administrator.directory.conditions import Condition, Order, Query
from doorward.administrator.directory.entries import Entry, EntryKind, Member, Summary
from doorward.administrator.directory.ports import Listed, Page

_ENTRIES_PER_READ = 500
_IDS_PER_READ = 500
_MANY = 10_000
"""So many ids are not all read for a page: going through all names is quicker."""
_MOST = 50_000
"""Where fewer fulfil a condition, sorting their ids beats going through everybody's in order."""
_LAST_OFFSET = 2**63 - 1
"""Further than any directory goes, and still a number for every database."""

_MEMBER = directory_member.c
_whole = (
    ENTRY.kind,
    ENTRY.id,
    directory_body.c.body,
    ENTRY.version,
    ENTRY.created,
    ENTRY.modified,
    ENTRY.changed_by,
)
"""In the order of `Entry`'s fields."""
_joined = directory_entry.join(directory_body, directory_body.c.id == ENTRY.id)


class SqlDirectory:
    """Port `Directory` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None:
        async with self._database.reading() as connection:
            return await connection.run_sync(entry_of, kind, entry_id)

    async def find(self, query: Query) -> Page:
        async with self._database.reading() as connection:
            return await connection.run_sync(_found, query)

    async def every(self, where: Mapping[EntryKind, Condition]) -> AsyncIterator[Sequence[Entry]]:
        wanted, last = _wanted(where), ""
        while True:
            some = _page(and_(wanted, ENTRY.id > last), None, _ENTRIES_PER_READ)
            async with self._database.reading() as connection:
                entries = await connection.run_sync(_entries, some)
            if not entries:
                return
            yield entries
            last = entries[-1].id

    async def several(self, ids: Sequence[str], listing: Collection[EntryKind]) -> Page:
        async with self._database.reading() as connection:
            return await connection.run_sync(_several, ids, listing)

    async def members(self, groups: Collection[str]) -> Listed:
        async with self._database.reading() as connection:
            return await connection.run_sync(members_of, groups)

    async def memberships(self, ids: Collection[str]) -> Listed:
        async with self._database.reading() as connection:
            return await connection.run_sync(_memberships, ids)

    async def summary(self) -> Summary:
        async with self._database.reading() as connection:
            return await connection.run_sync(_summary)


def entry_of(connection: Connection, kind: EntryKind, entry_id: str) -> Entry | None:
    """The entry of this kind and id."""
    read = select(*_whole).select_from(_joined).where(ENTRY.id == entry_id, ENTRY.kind == kind)
    return next(iter(_entries(connection, read)), None)


def members_of(connection: Connection, groups: Collection[str]) -> Listed:
    """Who is directly in each group, by id."""
    found: dict[str, list[Member]] = {}
    for some in _batches(groups):
        rows = connection.execute(
            select(_MEMBER.group_id, _MEMBER.member_id, _MEMBER.kind)
            .where(_MEMBER.group_id.in_(some))
            .order_by(_MEMBER.group_id, _MEMBER.member_id)
        )
        for group, member, kind in rows.all():
            found.setdefault(group, []).append(Member(member, kind))
    return found


def _found(connection: Connection, query: Query) -> Page:
    wanted, total = _wanted(query.where), None
    by_id: ColumnElement[Any] = ENTRY.id
    if len(query.where) == 1:
        [(kind, condition)] = query.where.items()
        part = entries_named(connection, kind, condition)
        few = None if part is None else _few(connection, part)
        if part is not None and few is not None:
            if part.exact and query.order is None:
                shown = few[query.offset :][: query.limit]
                return replace(_several(connection, shown, query.listing), total=len(few))
            wanted = and_(ENTRY.id.in_(part.ids), clause(condition))
        if query.order is None and is_beside_id(condition):
            total = _counted(connection, wanted)
            if total < _MOST:
                by_id = beside(ENTRY.id)
    page = _page(wanted, query.order, query.limit, query.offset, by_id)
    entries = [] if query.limit == 0 else _entries(connection, page)
    if total is None:
        total = _told_by_page(query, len(entries))
    if total is None:
        total = _counted(connection, wanted)
    return Page(total, tuple(entries), _listed(connection, entries, query.listing))


def _few(connection: Connection, part: Part) -> list[str] | None:
    """The ids of a part, in order; None where they are many."""
    ids = connection.scalars(part.ids.limit(_MANY)).all()
    return sorted(ids) if len(ids) < _MANY else None


def _counted(connection: Connection, wanted: ColumnElement[bool]) -> int:
    counting = select(func.count()).select_from(select(ENTRY.id).where(wanted).subquery())
    return connection.scalar(counting) or 0


def _several(connection: Connection, ids: Sequence[str], listing: Collection[EntryKind]) -> Page:
    found: dict[str, Entry] = {}
    for some in _batches(ids):
        read = select(*_whole).select_from(_joined).where(ENTRY.id.in_(some))
        found |= {entry.id: entry for entry in _entries(connection, read)}
    entries = [found[entry_id] for entry_id in ids if entry_id in found]
    return Page(len(entries), tuple(entries), _listed(connection, entries, listing))


def _summary(connection: Connection) -> Summary:
    inactive = func.sum(case((ENTRY.active.is_(False), 1), else_=0))
    rows = connection.execute(select(ENTRY.kind, func.count(), inactive).group_by(ENTRY.kind))
    counts = {kind: (int(number), int(without)) for kind, number, without in rows}
    newest = select(ENTRY.modified, ENTRY.changed_by).order_by(ENTRY.modified.desc())
    latest = connection.execute(newest.limit(1)).first()
    people, without = counts.get("user", (0, 0))
    return Summary(
        people=people,
        inactive=without,
        groups=counts.get("group", (0, 0))[0],
        changed=0.0 if latest is None else latest.modified,
        changed_by="" if latest is None else latest.changed_by,
    )


def _memberships(connection: Connection, ids: Collection[str]) -> Listed:
    found: dict[str, list[Member]] = {}
    for some in _batches(ids):
        rows = connection.execute(
            select(_MEMBER.member_id, _MEMBER.group_id)
            .where(_MEMBER.member_id.in_(some))
            .order_by(_MEMBER.member_id, _MEMBER.group_id)
        )
        for member, group in rows.all():
            found.setdefault(member, []).append(Member(group, "group"))
    return found


def _listed(
    connection: Connection, entries: Iterable[Entry], listing: Collection[EntryKind]
) -> Listed:
    ids: dict[EntryKind, list[str]] = {"user": [], "group": []}
    for entry in entries:
        ids[entry.kind].append(entry.id)
    people = ids["user"] if "user" in listing else ()
    groups = ids["group"] if "group" in listing else ()
    return {**_memberships(connection, people), **members_of(connection, groups)}


def _entries(connection: Connection, read: Select[Any]) -> list[Entry]:
    return [_entry(row) for row in connection.execute(read).all()]


def _page(
    wanted: ColumnElement[bool],
    order: Order | None,
    limit: int | None,
    offset: int = 0,
    by_id: ColumnElement[Any] = ENTRY.id,
) -> Select[Any]:
    """The page's entries: their ids first, so that no more than theirs is read.

    In `IN`, since SQLite keeps a page while it sorts there, and everything in a table of FROM.
    """
    descending = order is not None and order.descending
    places = [] if order is None else [COLUMNS[order.field]]
    page = (
        select(ENTRY.id)
        .where(wanted)
        .order_by(*_ordered(places, by_id, descending=descending))
        .limit(limit)
        .offset(min(offset, _LAST_OFFSET))
    )
    sorting = [beside(place) for place in places]  # By an index it would be the whole directory.
    return (
        select(*_whole)
        .select_from(_joined)
        .where(ENTRY.id.in_(page))
        .order_by(*_ordered(sorting, ENTRY.id, descending=descending))
    )


def _ordered(
    places: Sequence[ColumnElement[Any]], entry_id: ColumnElement[Any], *, descending: bool
) -> Sequence[ColumnElement[Any]]:
    """By place, without one last, then by id; or all of it turned round."""
    if descending:
        return [*(place.desc().nulls_first() for place in places), entry_id.desc()]
    return [*(place.asc().nulls_last() for place in places), entry_id]


def _told_by_page(query: Query, found: int) -> int | None:
    """How many there are in all, where a page of `found` entries says it: one that is not full."""
    full = query.limit is not None and found == query.limit
    beyond = not found and query.offset > 0
    return None if full or beyond else query.offset + found


def _wanted(where: Mapping[EntryKind, Condition]) -> ColumnElement[bool]:
    each = [and_(ENTRY.kind == kind, clause(condition)) for kind, condition in where.items()]
    return each[0] if len(each) == 1 else or_(*each)


def _batches(ids: Collection[str]) -> Iterable[Sequence[str]]:
    listed = list(ids)
    for start in range(0, len(listed), _IDS_PER_READ):
        yield listed[start : start + _IDS_PER_READ]


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    kind, entry_id, body, version, created, modified, changed_by = row
    return Entry(
        kind=kind,
        id=entry_id,
        body=body.encode(),
        version=version,
        created=created,
        modified=modified,
        changed_by=changed_by,
    )
