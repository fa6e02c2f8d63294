"""Devices whose TPM fell silent are attested no longer."""

from __future__ import annotations

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.attestation.measurements import LIFETIME_SECONDS, standing
from doorward.administrator.devices.attestation.take_quote import turned
from doorward.model.device import Device
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Change


async def lapse_attestations(control: ControlPlane, now: UnixSeconds) -> int:
    """Take back what silence no longer proves, and say of how many devices."""
    act = Act("system", now)
    attested = [item.id for item in control.live.current.devices.values() if item.attested]
    if not attested:
        return 0
    async with control.store.transaction() as transaction:
        table = transaction.devices.attestations
        silent = set(await table.silent_since(now - LIFETIME_SECONDS))
        changes: list[Change] = []
        for item in attested:
            if item not in silent:
                continue
            device = await transaction.snapshot.get("device", item)
            record = await table.get(item)
            if isinstance(device, Device) and device.attested and record is not None:
                changes += await turned(transaction, device, standing(record, now), act)
        if changes:
            await transaction.snapshot.publish(changes)
    return len(changes)
