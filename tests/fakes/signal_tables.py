"""Event streams, what waits on them and the subjects that they leave out, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.signal_ports import Pending, PendingKind, Stream
from doorward.administrator.signals.transmitting.supported import DELIVERABLE
from doorward.model.ids import UnixSeconds
from doorward.protocol.signals.subjects import Json


@dataclass
class SignalState:
    """What the tables hold; copied for each transaction."""

    streams: dict[str, Stream] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    left_out: list[tuple[str, Json]] = field(default_factory=list)
    last: int = 0

    def __copy__(self) -> SignalState:
        return SignalState(dict(self.streams), list(self.pending), list(self.left_out), self.last)


class MemoryStreams:
    """Port `StreamTable` in memory."""

    def __init__(self, state: SignalState) -> None:
        self._state = state

    async def any(self) -> bool:
        return bool(self._state.streams)

    async def all(self) -> Sequence[Stream]:
        return sorted(self._state.streams.values(), key=lambda item: (item.created_at, item.id))

    async def get(self, stream: str) -> Stream | None:
        return self._state.streams.get(stream)

    async def put(self, stream: Stream) -> None:
        self._state.streams[stream.id] = stream

    async def remove(self, stream: str) -> None:
        self._state.streams.pop(stream, None)
        self._state.pending[:] = [item for item in self._state.pending if item.stream != stream]
        self._state.left_out[:] = [item for item in self._state.left_out if item[0] != stream]

    async def due(self, now: UnixSeconds) -> Sequence[Stream]:
        return [
            stream
            for stream in await self.all()
            if stream.method == "push"
            and stream.due_at <= now
            and any(
                item.stream == stream.id and item.kind in DELIVERABLE[stream.status]
                for item in self._state.pending
            )
        ]


class MemoryOutbox:
    """Port `OutboxTable` in memory."""

    def __init__(self, state: SignalState) -> None:
        self._state = state

    async def add(self, items: Sequence[Pending]) -> None:
        for item in items:
            self._state.last += 1
            self._state.pending.append(msgspec.structs.replace(item, seq=self._state.last))

    async def waiting(
        self, stream: str, limit: int, kinds: Collection[PendingKind]
    ) -> Sequence[Pending]:
        own = [i for i in self._state.pending if i.stream == stream and i.kind in kinds]
        return sorted(own, key=lambda item: (item.kind != "update", item.seq))[:limit]

    async def remove(self, stream: str, jtis: Collection[str]) -> int:
        return self._keep(
            [i for i in self._state.pending if i.stream != stream or i.jti not in jtis]
        )

    async def drop(self, stream: str, kinds: Collection[PendingKind]) -> int:
        return self._keep(
            [i for i in self._state.pending if i.stream != stream or i.kind not in kinds]
        )

    async def counts(self) -> Mapping[str, int]:
        return Counter(item.stream for item in self._state.pending)

    async def trim(self, before: UnixSeconds, most: int) -> Mapping[str, int]:
        had = Counter(item.stream for item in self._state.pending)
        kept: list[Pending] = []
        seen: Counter[str] = Counter()
        for item in reversed(self._state.pending):
            if item.at >= before and seen[item.stream] < most:
                seen[item.stream] += 1
                kept.append(item)
        self._state.pending[:] = reversed(kept)
        return {
            stream: count - seen[stream] for stream, count in had.items() if count > seen[stream]
        }

    def _keep(self, kept: list[Pending]) -> int:
        gone = len(self._state.pending) - len(kept)
        self._state.pending[:] = kept
        return gone


class MemoryLeftOut:
    """Port `LeftOutTable` in memory."""

    def __init__(self, state: SignalState) -> None:
        self._state = state

    async def of(self, stream: str) -> Sequence[Json]:
        own = [subject for name, subject in self._state.left_out if name == stream]
        return sorted(own, key=_canonical)

    async def add(self, stream: str, subject: Json) -> None:
        if (stream, subject) not in self._state.left_out:
            self._state.left_out.append((stream, subject))

    async def remove(self, stream: str, subject: Json) -> None:
        if (stream, subject) in self._state.left_out:
            self._state.left_out.remove((stream, subject))


class MemorySignals:
    """Port `SignalTables` in memory."""

    def __init__(self, state: SignalState) -> None:
        self.streams = MemoryStreams(state)
        self.outbox = MemoryOutbox(state)
        self.left_out = MemoryLeftOut(state)


def _canonical(subject: Json) -> bytes:
    return msgspec.json.encode(subject, order="deterministic")
