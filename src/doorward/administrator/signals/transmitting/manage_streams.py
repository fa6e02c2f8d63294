"""A receiver's streams: making, reading, changing, replacing and removing them (SSF 1.0, 8.1.1)."""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.administrator.signal_ports import Stream
from doorward.administrator.signals.transmitting.configuration import (
    DeliveryBody,
    StreamBody,
    changed,
    invalid,
    require_matching,
    view,
)
from doorward.administrator.signals.transmitting.transmitter import Transmitting, own_stream
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId
from doorward.protocol.signals.delivery import POLL
from doorward.protocol.signals.subjects import Json

MOST_STREAMS = 10
"""Of one receiver."""

_POLLED = DeliveryBody(method=POLL)


async def create_stream(
    transmitter: Transmitting, act: Act, receiver: ServiceId, body: StreamBody
) -> Json:
    """A new stream. Raises `stream-request-invalid`, `stream-limit`."""
    made = Stream(
        id=transmitter.control.secrets.id("stm"),
        receiver=receiver,
        method="poll",
        created_at=act.at,
        heard_at=act.at,
    )
    made = changed(transmitter, made, body)
    async with transmitter.control.store.transaction() as transaction:
        streams = await transaction.signals.streams.all()
        if sum(item.receiver == receiver for item in streams) >= MOST_STREAMS:
            raise DoorwardError(
                "stream-limit",
                f"You have {MOST_STREAMS} streams, which is the most.",
                "Change one of them, or remove it first.",
            )
        await transaction.signals.streams.put(made)
        await _note(transaction, act, "stream-created", made)
    return view(transmitter, made)


async def read_stream(transmitter: Transmitting, receiver: ServiceId, stream_id: str) -> Json:
    """One stream's configuration. Raises `stream-unknown`."""
    async with transmitter.control.store.transaction() as transaction:
        return view(transmitter, await own_stream(transaction, receiver, stream_id))


async def read_streams(transmitter: Transmitting, receiver: ServiceId) -> list[Json]:
    """Every stream of the receiver, the oldest first."""
    async with transmitter.control.store.transaction() as transaction:
        streams = await transaction.signals.streams.all()
    return [view(transmitter, item) for item in streams if item.receiver == receiver]


async def update_stream(
    transmitter: Transmitting, act: Act, receiver: ServiceId, body: StreamBody
) -> Json:
    """PATCH: what is not said stays. Raises `stream-request-invalid`, `stream-unknown`."""
    return await _write(transmitter, act, receiver, body)


async def replace_stream(
    transmitter: Transmitting, act: Act, receiver: ServiceId, body: StreamBody
) -> Json:
    """PUT: what is not said goes. Raises `stream-request-invalid`, `stream-unknown`."""
    whole = StreamBody(
        events_requested=(),
        delivery=_POLLED,
        description=None,
        format="iss_sub",
        signing_alg="RS256",
    )
    said = {
        name: value
        for name, value in msgspec.structs.asdict(body).items()
        if value is not msgspec.UNSET
    }
    return await _write(transmitter, act, receiver, msgspec.structs.replace(whole, **said))


async def remove_stream(
    transmitter: Transmitting, act: Act, receiver: ServiceId, stream_id: str
) -> None:
    """End a stream, and forget what waits on it. Raises `stream-unknown`."""
    async with transmitter.control.store.transaction() as transaction:
        stream = await own_stream(transaction, receiver, stream_id)
        await transaction.signals.streams.remove(stream.id)
        await _note(transaction, act, "stream-removed", stream)


async def _write(
    transmitter: Transmitting, act: Act, receiver: ServiceId, body: StreamBody
) -> Json:
    if not isinstance(body.stream_id, str):
        raise invalid("stream_id is missing.")
    async with transmitter.control.store.transaction() as transaction:
        stream = await own_stream(transaction, receiver, body.stream_id)
        require_matching(transmitter, stream, body)
        after = changed(transmitter, stream, body)
        await transaction.signals.streams.put(after)
        await _note(transaction, act, "stream-changed", after)
    transmitter.bell.ring()
    return view(transmitter, after)


async def _note(transaction: Transaction, act: Act, name: str, stream: Stream) -> None:
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act=name,
        target=f"stream:{stream.id}",
        detail={
            "receiver": stream.receiver,
            "method": stream.method,
            **({"url": stream.endpoint_url.partition("?")[0]} if stream.endpoint_url else {}),
            "events": str(len(stream.requested)),
        },
    )
