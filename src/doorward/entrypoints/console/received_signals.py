"""Signals of other systems: who sends them, and what came of the latest."""

from __future__ import annotations

from starlette.responses import Response

from doorward.entrypoints.api.context import Context
from doorward.entrypoints.api.transmitters import received_views, transmitter_views
from doorward.entrypoints.console.visit import Visit

_SHOWN = 100


async def show(visit: Visit) -> Response:
    """Every transmitter, and the newest signals."""
    return visit.page("received.html", **await received(visit.context))


async def received(context: Context) -> dict[str, object]:
    """What `signals_received.html` shows."""
    return {
        "transmitters": await transmitter_views(context),
        "received": await received_views(context, limit=_SHOWN),
    }
