"""The tables of received signals, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.receiver_ports import NewSignal, ReceivedSignal, StreamRecord, Word
from doorward.errors import DoorwardError
from doorward.model.ids import TransmitterId, UnixSeconds

_numbers = itertools.count(1)


@dataclass
class ReceiverState:
    """What the tables hold; copied for each transaction."""

    signals: dict[int, ReceivedSignal] = field(default_factory=dict)
    words: dict[tuple[str, str, str], Word] = field(default_factory=dict)
    streams: dict[str, StreamRecord] = field(default_factory=dict)

    def __copy__(self) -> ReceiverState:
        return ReceiverState(dict(self.signals), dict(self.words), dict(self.streams))


class _Signals:
    def __init__(self, items: dict[int, ReceivedSignal]) -> None:
        self._items = items

    async def append(self, signal: NewSignal) -> ReceivedSignal:
        if await self.seen(signal.transmitter, signal.jti):
            raise DoorwardError("store-conflict", "This signal is there already.")
        written = ReceivedSignal(**msgspec.structs.asdict(signal), seq=next(_numbers))
        self._items[written.seq] = written
        return written

    async def seen(self, transmitter: TransmitterId, jti: str) -> bool:
        return any((s.transmitter, s.jti) == (transmitter, jti) for s in self._items.values())

    async def latest(
        self, *, before: int | None = None, limit: int = 50
    ) -> Sequence[ReceivedSignal]:
        found = [s for s in reversed(self._items.values()) if before is None or s.seq < before]
        return found[: max(1, min(limit, 1000))]

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        old = sorted((s.received_at, s.seq) for s in self._items.values() if s.received_at < moment)
        for _, seq in old[:limit]:
            del self._items[seq]
        return len(old[:limit])


class _Words:
    def __init__(self, items: dict[tuple[str, str, str], Word]) -> None:
        self._items = items

    async def get(self, transmitter: TransmitterId, series: str, subject: str) -> Word | None:
        return self._items.get((transmitter, series, subject))

    async def about(self, series: str, subject: str) -> Sequence[Word]:
        return [w for key, w in sorted(self._items.items()) if key[1:] == (series, subject)]

    async def put(self, word: Word) -> None:
        self._items[word.transmitter, word.series, word.subject] = word

    async def remove_subject(self, subject: str) -> int:
        gone = [key for key in self._items if key[2] == subject]
        for key in gone:
            del self._items[key]
        return len(gone)

    async def remove_transmitter(self, transmitter: TransmitterId) -> None:
        for key in [key for key in self._items if key[0] == transmitter]:
            del self._items[key]


class _Streams:
    def __init__(self, items: dict[str, StreamRecord]) -> None:
        self._items = items

    async def get(self, transmitter: TransmitterId) -> StreamRecord | None:
        return self._items.get(transmitter)

    async def put(self, record: StreamRecord) -> None:
        self._items[record.transmitter] = record

    async def remove(self, transmitter: TransmitterId) -> None:
        self._items.pop(transmitter, None)


class MemoryReceiver:
    """Port `ReceiverTables` in memory."""

    def __init__(self, state: ReceiverState) -> None:
        self.signals = _Signals(state.signals)
        self.words = _Words(state.words)
        self.streams = _Streams(state.streams)
