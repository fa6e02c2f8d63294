"""Push delivery (RFC 8935): the tokens of each stream in order, each until it is taken.

Whoever delivers has reserved the stream for a while, so of several control planes one does. A
token that the receiver refuses is recorded and not sent again. A receiver that is gone is tried
again after pauses that grow; gone for a day, its stream is paused, and told so when it is back.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.signal_ports import Stream
from doorward.administrator.signals.transmitting.configuration import authorization_of
from doorward.administrator.signals.transmitting.entitled import NOT_ENTITLED, entitled
from doorward.administrator.signals.transmitting.refusals import note_refused_tokens
from doorward.administrator.signals.transmitting.signed import key_of, signed
from doorward.administrator.signals.transmitting.stream_status import stop_or_go
from doorward.administrator.signals.transmitting.supported import DELIVERABLE
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

PAUSES_SECONDS = (1, 5, 15, 60, 300, 900, 1800)
"""How long until the next attempt, give or take a quarter; the last one stays."""

GONE_SECONDS = 86_400
ASKED_AGAIN_SECONDS = 30
"""How long until it is looked again whether a receiver has a token, and its stream a key."""

BATCH = 20
RESERVED_SECONDS = 300
"""Longer than a whole batch takes, were every call to take as long as it may."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tokens by `jti`, in order, and where they go."""

    stream: Stream
    authorization: str
    tokens: dict[str, str]


@dataclass(slots=True)
class _Outcome:
    taken: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    failure: str = ""


async def reserve(transmitter: Transmitting, now: UnixSeconds) -> list[Batch]:
    """What is to be delivered now; nobody else is given it before the reservation ends."""
    found = []
    async with transmitter.control.store.transaction() as transaction:
        for stream in await transaction.signals.streams.due(now):
            if not entitled(transmitter.control.live.current, stream.receiver, now):
                await transaction.signals.streams.put(_asked_again(stream, NOT_ENTITLED, now))
                continue
            try:
                key = await key_of(transaction, stream, now)
                authorization = authorization_of(transmitter, stream)
            except DoorwardError as error:
                # Its own trouble: the other streams are delivered.
                await transaction.signals.streams.put(_asked_again(stream, error.detail, now))
                continue
            items = await transaction.signals.outbox.waiting(
                stream.id, BATCH, DELIVERABLE[stream.status]
            )
            reserved = msgspec.structs.replace(stream, due_at=now + RESERVED_SECONDS)
            await transaction.signals.streams.put(reserved)
            found.append((reserved, authorization, key, items))
    return [
        Batch(stream, authorization, await signed(transmitter, key, items))
        for stream, authorization, key, items in found
    ]


def _asked_again(stream: Stream, why: str, now: UnixSeconds) -> Stream:
    return msgspec.structs.replace(stream, due_at=now + ASKED_AGAIN_SECONDS, last_error=why)


async def deliver(transmitter: Transmitting, batch: Batch, now: UnixSeconds) -> None:
    """Push the tokens one after the other until one is not delivered, and keep what came of it."""
    outcome = _Outcome()
    for jti, token in batch.tokens.items():
        try:
            await transmitter.pusher.push(batch.stream.endpoint_url, batch.authorization, token)
            outcome.taken.append(jti)
        except DoorwardError as error:
            if error.code != "set-refused":
                outcome.failure = error.detail
                break
            outcome.refused[jti] = error.detail
    await _keep(transmitter, batch, outcome, now)


async def _keep(
    transmitter: Transmitting, batch: Batch, outcome: _Outcome, now: UnixSeconds
) -> None:
    async with transmitter.control.store.transaction() as transaction:
        signals = transaction.signals
        stream = await signals.streams.get(batch.stream.id)
        if stream is None:
            return
        await signals.outbox.remove(stream.id, [*outcome.taken, *outcome.refused])
        await note_refused_tokens(transaction, stream, outcome.refused, now)
        # The receiver may have changed its stream meanwhile: that it is due at once then stays.
        due = 0.0 if stream.due_at != batch.stream.due_at else None
        after = _after(stream, outcome, now, due)
        await signals.streams.put(after)
        gone = after.failing_since is not None and now - after.failing_since >= GONE_SECONDS
        if gone and after.status == "enabled":
            await stop_or_go(
                transmitter,
                transaction,
                Act("system", now),
                after,
                "paused",
                "The receiver has not answered for a day.",
                "system",
            )


def _after(stream: Stream, outcome: _Outcome, now: UnixSeconds, due: UnixSeconds | None) -> Stream:
    answered = bool(outcome.taken or outcome.refused)
    error = outcome.failure
    if outcome.refused and not error:
        error = next(reversed(outcome.refused.values()))
    if not outcome.failure:
        return msgspec.structs.replace(
            stream,
            attempts=0,
            failing_since=None,
            last_error=error,
            due_at=0.0,
            heard_at=now if answered else stream.heard_at,
        )
    attempts = 1 if answered else stream.attempts + 1
    return msgspec.structs.replace(
        stream,
        attempts=attempts,
        failing_since=now if answered or stream.failing_since is None else stream.failing_since,
        last_error=error,
        due_at=now + _pause(stream.id, attempts) if due is None else due,
        heard_at=now if answered else stream.heard_at,
    )


def _pause(stream: str, attempts: int) -> float:
    """Spread by stream, so that receivers which come back are not all called at once."""
    base = PAUSES_SECONDS[min(attempts, len(PAUSES_SECONDS)) - 1]
    spread = zlib.crc32(f"{stream}:{attempts}".encode()) % 1000 / 1000
    return base * (0.75 + spread / 2)
