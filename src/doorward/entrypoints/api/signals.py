"""Event streams: who is told of what happens here, and how that goes."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from doorward.administrator.signal_ports import Stream
from doorward.administrator.signals.transmitting.list_streams import list_streams as listed
from doorward.administrator.signals.transmitting.stream_status import drop_stream, operate_stream
from doorward.administrator.signals.transmitting.supported import delivered
from doorward.entrypoints.api.bodies import ReasonBody
from doorward.entrypoints.api.context import Caller, Ports
from doorward.model.ids import UnixSeconds

router = APIRouter(prefix="/signals/streams", tags=["signals"])


class StreamView(BaseModel):
    """A stream of security events to a service.

    `delivery` is `push` or `poll`. `waiting` tokens have not been taken. `last_error` says what is
    wrong, empty where nothing is; `failing_since` is when the receiver was last reached.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    receiver: str
    delivery: str
    url: str
    description: str
    events: tuple[str, ...]
    signing_alg: str
    status: str
    reason: str
    stopped_by: str
    waiting: int
    last_error: str
    created_at: datetime
    heard_at: datetime | None
    failing_since: datetime | None


class RemovedStreamView(BaseModel):
    """A stream that is gone."""

    model_config = ConfigDict(frozen=True)

    id: str


@router.get("")
async def list_streams(ports: Ports, _: Caller) -> list[StreamView]:
    """Every event stream, the oldest first."""
    return await stream_views(ports)


@router.post("/{stream}/pause")
async def pause_stream(ports: Ports, caller: Caller, stream: str, body: ReasonBody) -> StreamView:
    """Hold back what is told on a stream. Its receiver is told so, and cannot resume it."""
    act = caller.act(ports.clock())
    done = await operate_stream(ports.transmitter, act, stream, "paused", body.reason)
    return _view(done.stream, done.waiting)


@router.post("/{stream}/resume")
async def resume_stream(ports: Ports, caller: Caller, stream: str, body: ReasonBody) -> StreamView:
    """Send what was held back, and go on."""
    act = caller.act(ports.clock())
    done = await operate_stream(ports.transmitter, act, stream, "enabled", body.reason)
    return _view(done.stream, done.waiting)


@router.delete("/{stream}")
async def remove_stream(ports: Ports, caller: Caller, stream: str) -> RemovedStreamView:
    """End a stream, with what waits on it. Its receiver can make another."""
    await drop_stream(ports.transmitter, caller.act(ports.clock()), stream)
    return RemovedStreamView(id=stream)


async def stream_views(ports: Ports) -> list[StreamView]:
    """What the console shows as well."""
    return [_view(item.stream, item.waiting) for item in await listed(ports.transmitter)]


def _view(stream: Stream, waiting: int) -> StreamView:
    return StreamView(
        id=stream.id,
        receiver=stream.receiver,
        delivery=stream.method,
        # What follows a `?` may be a secret.
        url=stream.endpoint_url.partition("?")[0],
        description=stream.description,
        events=tuple(uri.rsplit("/", 1)[-1] for uri in delivered(stream.requested)),
        signing_alg=stream.algorithm,
        status=stream.status,
        reason=stream.reason,
        stopped_by=stream.stopped_by,
        waiting=waiting,
        last_error=stream.last_error,
        created_at=datetime.fromtimestamp(stream.created_at, UTC),
        heard_at=_moment(stream.heard_at),
        failing_since=_moment(stream.failing_since),
    )


def _moment(at: UnixSeconds | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
