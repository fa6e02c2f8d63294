"""The whole snapshot as a transaction sees it."""

from __future__ import annotations

import asyncio

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.snapshot import Snapshot

_PATIENCE_SECONDS = 5.0


async def settled(control: ControlPlane, transaction: Transaction) -> Snapshot:
    """All documents before this transaction's own changes; ask before publishing any.

    Writers take turns, so the live replica, once it has caught up, is what this transaction
    sees: no session or cookie committed a moment ago escapes an act that ends them.
    Raises DoorwardError `store-conflict` where the replica does not catch up.
    """
    number = await transaction.snapshot.publish([])
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            snapshot = await control.live.reached(number)
    except TimeoutError:
        snapshot = control.live.current
    if snapshot.number != number:
        raise DoorwardError(
            "store-conflict", "The control plane does not keep up with its store.", "Try again."
        )
    return snapshot
