"""Every stream, for those who run doorward."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.signal_ports import Stream
from doorward.administrator.signals.transmitting.transmitter import Transmitting


@dataclass(frozen=True, slots=True)
class Listed:
    """A stream, and how many tokens wait on it."""

    stream: Stream
    waiting: int


async def list_streams(transmitter: Transmitting) -> list[Listed]:
    """The oldest first."""
    async with transmitter.control.store.transaction() as transaction:
        streams = await transaction.signals.streams.all()
        counts = await transaction.signals.outbox.counts()
    return [Listed(stream, counts.get(stream.id, 0)) for stream in streams]
