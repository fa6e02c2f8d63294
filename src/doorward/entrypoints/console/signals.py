"""Shared Signals: who is told of what happens here, and how that goes."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.signals.transmitting.stream_status import drop_stream, operate_stream
from doorward.entrypoints.api.signals import stream_views
from doorward.entrypoints.console.received_signals import received
from doorward.entrypoints.console.visit import Visit

_PATH = "/signals"


async def show(visit: Visit) -> Response:
    """Every event stream, and what other systems sent."""
    streams = await stream_views(visit.context)
    return visit.page("signals.html", streams=streams, **await received(visit.context))


async def pause(visit: Visit) -> Response:
    """Hold events back; the receiver is told."""
    reason = (await visit.form()).get("reason", "")
    await operate_stream(visit.context.transmitter, visit.act, _stream(visit), "paused", reason)
    return visit.recorded(_PATH, "stream-paused")


async def resume(visit: Visit) -> Response:
    """Send what was held back, and go on."""
    await operate_stream(visit.context.transmitter, visit.act, _stream(visit), "enabled")
    return visit.recorded(_PATH, "stream-resumed")


async def remove(visit: Visit) -> Response:
    """End a stream."""
    await drop_stream(visit.context.transmitter, visit.act, _stream(visit))
    return visit.recorded(_PATH, "stream-removed")


def _stream(visit: Visit) -> str:
    return str(visit.request.path_params["stream"])
