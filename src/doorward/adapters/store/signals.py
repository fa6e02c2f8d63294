"""Event streams, what waits on them, and the subjects that they leave out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec
from sqlalchemy import Row, bindparam, case, delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.signal_tables import signal_left_out, signal_pending, signal_stream
from doorward.administrator.signal_ports import Pending, PendingKind, Stream
from doorward.administrator.signals.transmitting.supported import DELIVERABLE
from doorward.model.ids import UnixSeconds
from doorward.protocol.signals.subjects import Json

_encoder = msgspec.json.Encoder(order="deterministic")
_uris = msgspec.json.Decoder(tuple[str, ...])
_subject = msgspec.json.Decoder(Json)
_any = select(signal_stream.c.id).limit(1)
_one = select(signal_stream).where(signal_stream.c.id == bindparam("id_"))
_done = delete(signal_pending).where(
    signal_pending.c.stream == bindparam("stream_"), signal_pending.c.jti == bindparam("jti_")
)


class Streams:
    """Port `StreamTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def any(self) -> bool:
        return await self._connection.scalar(_any) is not None

    async def all(self) -> Sequence[Stream]:
        rows = await self._connection.execute(
            select(signal_stream).order_by(signal_stream.c.created_at, signal_stream.c.id)
        )
        return [_stream(row) for row in rows]

    async def get(self, stream: str) -> Stream | None:
        row = (await self._connection.execute(_one, {"id_": stream})).first()
        return None if row is None else _stream(row)

    async def put(self, stream: Stream) -> None:
        values = msgspec.structs.asdict(stream)
        values["requested"] = _encoder.encode(stream.requested).decode()
        await self._connection.execute(delete(signal_stream).where(signal_stream.c.id == stream.id))
        await self._connection.execute(insert(signal_stream).values(values))

    async def remove(self, stream: str) -> None:
        for column in (signal_pending.c.stream, signal_left_out.c.stream, signal_stream.c.id):
            await self._connection.execute(delete(column.table).where(column == stream))

    async def due(self, now: UnixSeconds) -> Sequence[Stream]:
        table, waits = signal_stream.c, signal_pending.c
        by_status = case(
            *(
                (table.status == status, waits.kind.in_(kinds))
                for status, kinds in DELIVERABLE.items()
            )
        )
        rows = await self._connection.execute(
            select(signal_stream)
            .where(table.method == "push", table.due_at <= now)
            .where(exists().where(waits.stream == table.id, by_status))
            .order_by(table.created_at, table.id)
        )
        return [_stream(row) for row in rows]


class Outbox:
    """Port `OutboxTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, items: Sequence[Pending]) -> None:
        rows = [
            {
                "stream": item.stream,
                "jti": item.jti,
                "kind": item.kind,
                "claims": bytes(item.claims).decode(),
                "at": item.at,
            }
            for item in items
        ]
        if rows:
            await self._connection.execute(insert(signal_pending), rows)

    async def waiting(
        self, stream: str, limit: int, kinds: Collection[PendingKind]
    ) -> Sequence[Pending]:
        table = signal_pending.c
        rows = await self._connection.execute(
            select(signal_pending)
            .where(table.stream == stream, table.kind.in_(list(kinds)))
            .order_by(case((table.kind == "update", 0), else_=1), table.seq)
            .limit(limit)
        )
        return [_pending(row) for row in rows]

    async def remove(self, stream: str, jtis: Collection[str]) -> int:
        gone = 0
        for jti in jtis:
            gone += (
                await self._connection.execute(_done, {"stream_": stream, "jti_": jti})
            ).rowcount
        return gone

    async def drop(self, stream: str, kinds: Collection[PendingKind]) -> int:
        table = signal_pending.c
        gone = await self._connection.execute(
            delete(signal_pending).where(table.stream == stream, table.kind.in_(list(kinds)))
        )
        return gone.rowcount

    async def counts(self) -> Mapping[str, int]:
        table = signal_pending.c
        rows = await self._connection.execute(
            select(table.stream, func.count()).group_by(table.stream)
        )
        return {stream: count for stream, count in rows}  # noqa: C416 - rows are no tuples

    async def trim(self, before: UnixSeconds, most: int) -> Mapping[str, int]:
        table, dropped = signal_pending.c, {}
        for stream, count in (await self.counts()).items():
            old = await self._connection.execute(
                delete(signal_pending).where(table.stream == stream, table.at < before)
            )
            gone = old.rowcount
            if count - gone > most:
                newest = (
                    select(table.seq)
                    .where(table.stream == stream)
                    .order_by(table.seq.desc())
                    .limit(most)
                )
                over = await self._connection.execute(
                    delete(signal_pending).where(table.stream == stream, table.seq.not_in(newest))
                )
                gone += over.rowcount
            if gone:
                dropped[stream] = gone
        return dropped


class LeftOut:
    """Port `LeftOutTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, stream: str) -> Sequence[Json]:
        table = signal_left_out.c
        bodies = await self._connection.scalars(
            select(table.subject).where(table.stream == stream).order_by(table.subject)
        )
        return [_subject.decode(body) for body in bodies]

    async def add(self, stream: str, subject: Json) -> None:
        await self.remove(stream, subject)
        await self._connection.execute(
            insert(signal_left_out).values(stream=stream, subject=_canonical(subject))
        )

    async def remove(self, stream: str, subject: Json) -> None:
        table = signal_left_out.c
        await self._connection.execute(
            delete(signal_left_out).where(
                table.stream == stream, table.subject == _canonical(subject)
            )
        )


@dataclass(frozen=True, slots=True)
class Signals:
    """Port `SignalTables` on one connection's transaction."""

    streams: Streams
    outbox: Outbox
    left_out: LeftOut

    @classmethod
    def on(cls, connection: AsyncConnection) -> Self:
        """The tables on `connection`."""
        return cls(Streams(connection), Outbox(connection), LeftOut(connection))


def _canonical(subject: Json) -> str:
    return _encoder.encode(subject).decode()


def _stream(row: Row[*tuple[Any, ...]]) -> Stream:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    fields["requested"] = _uris.decode(row.requested)
    if row.authorization is not None:
        fields["authorization"] = bytes(row.authorization)
    return Stream(**fields)


def _pending(row: Row[*tuple[Any, ...]]) -> Pending:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    fields["claims"] = msgspec.Raw(row.claims.encode())
    return Pending(**fields)
