"""Signals of other systems: who sends them, and what came of the latest."""

from __future__ import annotations

from doorward.entrypoints.api.context import Context
from doorward.entrypoints.api.transmitters import received_views, transmitter_views

_SHOWN = 100


async def received(context: Context) -> dict[str, object]:
    """What `signals_received.html` shows."""
    return {
        "transmitters": await transmitter_views(context),
        "received": await received_views(context, limit=_SHOWN),
    }
