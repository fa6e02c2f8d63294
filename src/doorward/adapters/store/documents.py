"""The snapshot's documents and the history of their changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.failures import failure
from doorward.adapters.store.tables import meta, snapshot_change, snapshot_document
from doorward.adapters.store.upsert import insert_or_replace
from doorward.administrator.ports import Revision
from doorward.errors import DoorwardError
from doorward.model.snapshot import KINDS, Change, Document, Kind, Snapshot, decode

HISTORY_REVISIONS = 1000
"""So many at the least are kept."""
_FORGET_EVERY = 100
_NUMBER_KEY = "snapshot-number"
_REVISIONS_PER_READ = 100
_IDS_PER_STATEMENT = 500

_number = select(meta.c.value).where(meta.c.key == _NUMBER_KEY)
_first_number = insert(meta).values(key=_NUMBER_KEY, value="1")
_next_number = update(meta).where(meta.c.key == _NUMBER_KEY).values(value=bindparam("number_"))
_record = insert(snapshot_change)
_forget = delete(snapshot_change).where(snapshot_change.c.number <= bindparam("number_"))
_found = select(snapshot_document.c.body).where(
    snapshot_document.c.kind == bindparam("kind_"), snapshot_document.c.id == bindparam("id_")
)


class Documents:
    """Port `SnapshotTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._number: int | None = None
        self.published: list[Revision] = []

    async def get(self, kind: Kind, document_id: str) -> Document | None:
        body = await self._connection.scalar(_found, {"kind_": kind, "id_": document_id})
        with _intact():
            return None if body is None else decode(kind, body.encode())

    async def all(self, kind: Kind) -> Sequence[Document]:
        table = snapshot_document.c
        bodies = await self._connection.scalars(
            select(table.body).where(table.kind == kind).order_by(table.id)
        )
        with _intact():
            return [decode(kind, body.encode()) for body in bodies]

    async def publish(self, changes: Sequence[Change]) -> int:
        number = self._number
        if number is None:
            number = self._number = await current_number(self._connection)
        if not changes:
            return number
        bodies = [_body(item) for item in changes]
        number += 1
        await self._set_number(number)
        await self._connection.execute(
            _record,
            [
                {
                    "number": number,
                    "position": position,
                    "kind": item.kind,
                    "id": item.id,
                    "body": body,
                }
                for position, (item, body) in enumerate(zip(changes, bodies, strict=True))
            ],
        )
        last = {(item.kind, item.id): body for item, body in zip(changes, bodies, strict=True)}
        await self._replace(last, number)
        if number % _FORGET_EVERY == 0:
            await self._connection.execute(_forget, {"number_": number - HISTORY_REVISIONS})
        self._number = number
        self.published.append(Revision(number=number, changes=tuple(changes)))
        return number

    async def _set_number(self, number: int) -> None:
        if number == 1:
            await self._connection.execute(_first_number)
        else:
            await self._connection.execute(_next_number, {"number_": str(number)})

    async def _remove(self, documents: Iterable[tuple[Kind, str]]) -> None:
        by_kind: dict[Kind, list[str]] = {}
        for kind, key in documents:
            by_kind.setdefault(kind, []).append(key)
        table = snapshot_document.c
        for kind, keys in by_kind.items():
            for start in range(0, len(keys), _IDS_PER_STATEMENT):
                some = keys[start : start + _IDS_PER_STATEMENT]
                await self._connection.execute(
                    delete(snapshot_document).where(table.kind == kind, table.id.in_(some))
                )

    async def _replace(self, documents: Mapping[tuple[Kind, str], str | None], number: int) -> None:
        rows = [
            {"kind": kind, "id": key, "body": body, "number": number}
            for (kind, key), body in documents.items()
            if body is not None
        ]
        if len(rows) < len(documents):
            await self._remove(place for place, body in documents.items() if body is None)
        if rows:
            put = insert_or_replace(self._connection, snapshot_document)
            await self._connection.execute(put, rows)


async def current_number(connection: AsyncConnection) -> int:
    """The number of the newest revision; 0 for none."""
    value = await connection.scalar(_number)
    return 0 if value is None else int(value)


async def load_snapshot(connection: AsyncConnection) -> Snapshot:
    """All documents, at the number they have in this transaction."""
    number = await current_number(connection)
    changes = await connection.run_sync(_documents)
    with _intact():
        return Snapshot().advance(number, changes)


def _documents(connection: Connection) -> list[Change]:
    table = snapshot_document.c
    rows = connection.execute(
        select(table.kind, table.id, table.body).order_by(table.kind, table.id)
    )
    return [Change(kind, key, msgspec.Raw(body.encode())) for kind, key, body in rows]


async def read_revisions(connection: AsyncConnection, after: int) -> list[Revision]:
    """The next revisions after `after`, a bounded number. Raises `revision-pruned`."""
    current = await current_number(connection)
    if after == current:
        return []
    table = snapshot_change.c
    rows = await connection.execute(
        select(table.number, table.kind, table.id, table.body)
        .where(table.number > after, table.number <= after + _REVISIONS_PER_READ)
        .order_by(table.number, table.position)
    )
    revisions = [
        Revision(number=number, changes=tuple(_changes(group)))
        for number, group in groupby(rows, key=lambda row: row.number)
    ]
    if not revisions or revisions[0].number != after + 1:
        oldest = await connection.scalar(select(func.min(table.number)))
        raise DoorwardError(
            "revision-pruned",
            f"Revision {after + 1} is not in the store, which keeps {oldest} to {current}.",
            "Load the whole snapshot.",
        )
    return revisions


@contextmanager
def _intact() -> Iterator[None]:
    """Documents were well-formed when they were published: raises `store-corrupt`."""
    try:
        yield
    except (msgspec.DecodeError, KeyError):
        raise failure("store-corrupt") from None


def _changes(rows: Iterable[tuple[int, Kind, str, str | None]]) -> Iterable[Change]:
    for _, kind, key, body in rows:
        yield Change(kind, key, msgspec.UNSET if body is None else msgspec.Raw(body.encode()))


def _body(item: Change) -> str | None:
    """The JSON text of a change. Raises `document-malformed`: replicas would refuse it later."""
    if item.kind not in KINDS:
        raise DoorwardError("document-malformed", f"There is no kind `{item.kind}`.")
    if isinstance(item.body, msgspec.UnsetType):
        return None
    try:
        document = decode(item.kind, item.body)
    except msgspec.DecodeError as error:
        raise DoorwardError(
            "document-malformed", f"{item.kind} `{item.id}` is malformed: {error}."
        ) from None
    if document.id != item.id:
        raise DoorwardError(
            "document-malformed", f"{item.kind} `{item.id}` calls itself `{document.id}`."
        )
    return bytes(item.body).decode()
