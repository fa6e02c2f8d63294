"""Note in the audit log that a device's message was refused, where somebody may have tried."""

from __future__ import annotations

from doorward.administrator.attempts import network_of
from doorward.administrator.devices.parts import Fleet
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, is_id

NOTED = frozenset({"facts-implausible", "message-malformed", "message-replayed", "signature-wrong"})
"""A stale nonce, an unknown device or a store that is away is nobody's attempt."""


async def note_refusal(
    fleet: Fleet, device: str, address: str, error: DoorwardError, now: UnixSeconds
) -> None:
    """So many a minute for an address, and for all together: a flood is cut off."""
    if error.code not in NOTED:
        return
    if not await fleet.throttle.allow(f"audit-address:{network_of(address)}", "audit:all"):
        return
    async with fleet.control.store.transaction() as transaction:
        await transaction.audit.append(
            at=now,
            actor="anonymous",
            act="device-message-refused",
            target=f"device:{device}" if is_id(device) else "device:",
            detail={"address": address, "why": error.code},
        )
