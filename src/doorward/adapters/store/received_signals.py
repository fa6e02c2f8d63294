"""Signals of other systems: the log of them, their newest word, and their streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import received_signal, transmitter_stream, transmitter_word
from doorward.administrator.receiver_ports import NewSignal, ReceivedSignal, StreamRecord, Word
from doorward.model.ids import TransmitterId, UnixSeconds

_MAX_LIMIT = 1000
_LISTS = ("audience", "delivered")


class ReceivedSignals:
    """Port `ReceivedSignalTable` on one connection's transaction; writers take turns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, signal: NewSignal) -> ReceivedSignal:
        fields = msgspec.structs.asdict(signal)
        written = await self._connection.execute(
            insert(received_signal).values(fields).returning(received_signal.c.seq)
        )
        return ReceivedSignal(**fields, seq=written.scalar_one())

    async def seen(self, transmitter: TransmitterId, jti: str) -> bool:
        columns = received_signal.c
        found = await self._connection.scalar(
            select(columns.seq).where(columns.transmitter == transmitter, columns.jti == jti)
        )
        return found is not None

    async def latest(
        self, *, before: int | None = None, limit: int = 50
    ) -> Sequence[ReceivedSignal]:
        statement = select(received_signal)
        if before is not None:
            statement = statement.where(received_signal.c.seq < before)
        limited = statement.order_by(received_signal.c.seq.desc())
        rows = await self._connection.execute(limited.limit(max(1, min(limit, _MAX_LIMIT))))
        return [ReceivedSignal(**row) for row in rows.mappings()]

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        columns = received_signal.c
        old = select(columns.seq).where(columns.received_at < moment)
        oldest = old.order_by(columns.received_at).limit(limit)
        gone = delete(received_signal).where(columns.seq.in_(oldest))
        return (await self._connection.execute(gone)).rowcount


class Words:
    """Port `WordTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, transmitter: TransmitterId, series: str, subject: str) -> Word | None:
        columns = transmitter_word.c
        rows = await self._connection.execute(
            select(transmitter_word).where(
                columns.transmitter == transmitter,
                columns.series == series,
                columns.subject == subject,
            )
        )
        row = rows.mappings().first()
        return None if row is None else Word(**row)

    async def about(self, series: str, subject: str) -> Sequence[Word]:
        columns = transmitter_word.c
        rows = await self._connection.execute(
            select(transmitter_word)
            .where(columns.series == series, columns.subject == subject)
            .order_by(columns.transmitter)
        )
        return [Word(**row) for row in rows.mappings()]

    async def put(self, word: Word) -> None:
        columns = transmitter_word.c
        await self._connection.execute(
            delete(transmitter_word).where(
                columns.transmitter == word.transmitter,
                columns.series == word.series,
                columns.subject == word.subject,
            )
        )
        await self._connection.execute(
            insert(transmitter_word).values(msgspec.structs.asdict(word))
        )

    async def remove_subject(self, subject: str) -> int:
        gone = delete(transmitter_word).where(transmitter_word.c.subject == subject)
        return (await self._connection.execute(gone)).rowcount

    async def remove_transmitter(self, transmitter: TransmitterId) -> None:
        gone = delete(transmitter_word).where(transmitter_word.c.transmitter == transmitter)
        await self._connection.execute(gone)


class Streams:
    """Port `StreamTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, transmitter: TransmitterId) -> StreamRecord | None:
        rows = await self._connection.execute(
            select(transmitter_stream).where(transmitter_stream.c.transmitter == transmitter)
        )
        row = rows.mappings().first()
        if row is None:
            return None
        lists = {name: tuple(msgspec.json.decode(row[name], type=list[str])) for name in _LISTS}
        return StreamRecord(**{**row, **lists})

    async def put(self, record: StreamRecord) -> None:
        await self.remove(record.transmitter)
        fields = msgspec.structs.asdict(record)
        lists = {name: msgspec.json.encode(fields[name]).decode() for name in _LISTS}
        await self._connection.execute(insert(transmitter_stream).values({**fields, **lists}))

    async def remove(self, transmitter: TransmitterId) -> None:
        gone = delete(transmitter_stream).where(transmitter_stream.c.transmitter == transmitter)
        await self._connection.execute(gone)


@dataclass(frozen=True, slots=True)
class Receiving:
    """Port `ReceiverTables` on one connection's transaction."""

    signals: ReceivedSignals
    words: Words
    streams: Streams

    @classmethod
    def on(cls, connection: AsyncConnection) -> Self:
        """The tables on `connection`."""
        return cls(ReceivedSignals(connection), Words(connection), Streams(connection))
