"""What waits for ever on a stream, and streams that are nobody's, or that nobody fetches from."""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.administrator.signal_ports import Stream
from doorward.administrator.signals.transmitting.stream_status import stop_or_go
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.model.ids import UnixSeconds

KEPT_SECONDS = 7 * 86_400
MOST_WAITING = 10_000
"""Of one stream; of more the oldest go."""

SILENT_SECONDS = 86_400


async def sweep_signals(transmitter: Transmitting, now: UnixSeconds) -> int:
    """Drop what is too old or too much, and pause poll streams that are silent for a day.

    How many tokens were dropped; each loss is an audit entry and shown with its stream.
    """
    act = Act("system", now)
    async with transmitter.control.store.transaction() as transaction:
        signals = transaction.signals
        if not await signals.streams.any():
            return 0
        await _forget_strangers(transaction, act)
        waiting = await signals.outbox.counts()
        for stream in await signals.streams.all():
            if waiting.get(stream.id) and _is_silent(stream, now):
                why = "The receiver has not polled for a day."
                await stop_or_go(transmitter, transaction, act, stream, "paused", why, "system")
        dropped = await signals.outbox.trim(now - KEPT_SECONDS, MOST_WAITING)
        for stream_id, count in dropped.items():
            found = await signals.streams.get(stream_id)
            if found is None:
                continue
            lost = msgspec.structs.replace(
                found, last_error=f"{count} events were dropped: they waited too long."
            )
            await signals.streams.put(lost)
            await transaction.audit.append(
                at=now,
                actor="system",
                act="signals-dropped",
                target=f"stream:{stream_id}",
                detail={"receiver": found.receiver, "tokens": str(count)},
            )
    return sum(dropped.values())


async def _forget_strangers(transaction: Transaction, act: Act) -> None:
    """Remove the streams of services that are no longer declared."""
    services = {item.id for item in await transaction.snapshot.all("service")}
    for stream in await transaction.signals.streams.all():
        if stream.receiver not in services:
            await transaction.signals.streams.remove(stream.id)
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="stream-removed",
                target=f"stream:{stream.id}",
                detail={"receiver": stream.receiver, "method": stream.method},
            )


def _is_silent(stream: Stream, now: UnixSeconds) -> bool:
    if stream.method != "poll" or stream.status != "enabled":
        return False
    return stream.heard_at is None or now - stream.heard_at >= SILENT_SECONDS
