"""A stream's status (SSF 1.0, 8.1.2): as its receiver wants it, the operator, or we ourselves.

A change that the receiver did not ask for is told it in a stream-updated event, which goes out
before anything else and also while nothing else does (8.1.5).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.administrator.signal_ports import Stopper, Stream
from doorward.administrator.signals.transmitting.claims import pending, stream_subject
from doorward.administrator.signals.transmitting.list_streams import Listed
from doorward.administrator.signals.transmitting.supported import DELIVERABLE
from doorward.administrator.signals.transmitting.transmitter import Transmitting, own_stream
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId
from doorward.protocol.signals.events import StreamStatus, StreamUpdated
from doorward.protocol.signals.subjects import Json

_MAX_REASON = 200


class StatusBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver asks for (SSF 1.0, 8.1.2.2)."""

    stream_id: str
    status: StreamStatus
    reason: str = ""


def status_view(stream: Stream) -> Json:
    """SSF 1.0, 8.1.2.1."""
    found: Json = {"stream_id": stream.id, "status": stream.status}
    return found | ({"reason": stream.reason} if stream.reason else {})


async def read_status(transmitter: Transmitting, receiver: ServiceId, stream_id: str) -> Json:
    """Raises `stream-unknown`."""
    async with transmitter.control.store.transaction() as transaction:
        return status_view(await own_stream(transaction, receiver, stream_id))


async def set_status(
    transmitter: Transmitting, act: Act, receiver: ServiceId, body: StatusBody
) -> Json:
    """As the receiver wants it. Raises `stream-unknown`, `stream-held`."""
    async with transmitter.control.store.transaction() as transaction:
        stream = await own_stream(transaction, receiver, body.stream_id)
        if stream.stopped_by == "operator" and body.status != stream.status:
            raise DoorwardError(
                "stream-held",
                "Those who run this transmitter have paused the stream.",
                "Ask them to resume it.",
            )
        stopper: Stopper = "" if body.status == "enabled" else stream.stopped_by or "receiver"
        after = _with(stream, body.status, body.reason[:_MAX_REASON], stopper)
        await transaction.signals.streams.put(after)
        if body.status == "disabled":
            await transaction.signals.outbox.drop(stream.id, ("event", "verification"))
        await _note(transaction, act, after)
    transmitter.bell.ring()
    return status_view(after)


async def operate_stream(
    transmitter: Transmitting,
    act: Act,
    stream_id: str,
    wanted: Literal["paused", "enabled"],
    reason: str = "",
) -> Listed:
    """Pause a stream, or resume it, as those who run doorward want. Raises `stream-unknown`."""
    async with transmitter.control.store.transaction() as transaction:
        stream = await any_stream(transaction, stream_id)
        after = await stop_or_go(
            transmitter, transaction, act, stream, wanted, reason[:_MAX_REASON], "operator"
        )
        counts = await transaction.signals.outbox.counts()
    transmitter.bell.ring()
    return Listed(after, counts.get(stream.id, 0))


async def drop_stream(transmitter: Transmitting, act: Act, stream_id: str) -> None:
    """Remove a stream, as those who run doorward want. Raises `stream-unknown`."""
    async with transmitter.control.store.transaction() as transaction:
        stream = await any_stream(transaction, stream_id)
        await transaction.signals.streams.remove(stream.id)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="stream-removed",
            target=f"stream:{stream.id}",
            detail={"receiver": stream.receiver, "method": stream.method},
        )


async def any_stream(transaction: Transaction, stream_id: str) -> Stream:
    """Whoever's it is. Raises `stream-unknown`."""
    stream = await transaction.signals.streams.get(stream_id)
    if stream is None:
        raise DoorwardError(
            "stream-unknown", f"There is no stream `{stream_id}`.", "List the streams again."
        )
    return stream


async def stop_or_go(
    transmitter: Transmitting,
    transaction: Transaction,
    act: Act,
    stream: Stream,
    status: StreamStatus,
    reason: str,
    by: Stopper,
) -> Stream:
    """Another status than the receiver wanted, and the event that tells it."""
    if stream.status == status:
        return stream
    after = _with(stream, status, reason, "" if status == "enabled" else by)
    secrets = transmitter.control.secrets
    event = StreamUpdated(status=status, reason=reason or msgspec.UNSET)
    told = pending(
        after,
        event,
        stream_subject(after),
        issuer=transmitter.issuer,
        jti=secrets.id("jti"),
        txn=secrets.id("txn"),
        at=act.at,
        kind="update",
    )
    # One tells the newest status; an older one would tell what is no longer so.
    await transaction.signals.outbox.drop(stream.id, DELIVERABLE["paused"])
    await transaction.signals.outbox.add([told])
    await transaction.signals.streams.put(after)
    await _note(transaction, act, after)
    return after


def _with(stream: Stream, status: StreamStatus, reason: str, by: Stopper) -> Stream:
    fresh = status == "enabled" and stream.status != "enabled"
    return msgspec.structs.replace(
        stream,
        status=status,
        reason=reason,
        stopped_by=by,
        attempts=0 if fresh else stream.attempts,
        failing_since=None if fresh else stream.failing_since,
        due_at=0.0,
    )


async def _note(transaction: Transaction, act: Act, stream: Stream) -> None:
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act="stream-status-set",
        target=f"stream:{stream.id}",
        detail={"receiver": stream.receiver, "status": stream.status, "reason": stream.reason},
    )
