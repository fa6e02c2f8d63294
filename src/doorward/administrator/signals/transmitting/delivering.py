"""The transmitter at work: pushes what waits, at once and for ever, and drops what is too old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from doorward.administrator.signals.transmitting.bell import rung_within
from doorward.administrator.signals.transmitting.push import Batch, deliver, reserve
from doorward.administrator.signals.transmitting.sweep import sweep_signals
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

LOOK_SECONDS = 0.5
"""How often it is looked for what another process wrote, or what is due again."""

_SWEEP_SECONDS = 60.0

_log = structlog.get_logger(__name__)


async def deliver_for_ever(
    transmitter: Transmitting,
    clock: Callable[[], UnixSeconds],
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Never ends by itself. Streams do not wait for one another."""
    swept_at = clock()
    with transmitter.bell.heard() as rung:
        async with asyncio.TaskGroup() as group:

            async def push(batch: Batch) -> None:
                try:
                    await deliver(transmitter, batch, clock())
                except DoorwardError as error:
                    # The store is away: the tokens are due again when the reservation ends.
                    _log.warning("signals-not-kept", code=error.code, detail=error.detail)
                except Exception as error:  # noqa: BLE001 - what others answer must not end the process
                    _log.error("signals-not-pushed", stream=batch.stream.id, exc_info=error)
                rung.set()

            while True:
                rung.clear()
                now = clock()
                try:
                    for batch in await reserve(transmitter, now):
                        group.create_task(push(batch))
                    if not 0 <= now - swept_at < _SWEEP_SECONDS:
                        swept_at = now
                        await sweep_signals(transmitter, now)
                except DoorwardError as error:
                    _log.warning("signals-not-delivered", code=error.code, detail=error.detail)
                await rung_within(rung, look_seconds)
