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
    if not any(item.attested for item in control.live.current.devices.values()):
        return 0
    async with control.store.transaction() as transaction:
        table = transaction.devices.attestations
        silent = set(await table.silent_since(now - LIFETIME_SECONDS))
        changes: list[Change] = []
        for device in await transaction.snapshot.all("device"):
            if not isinstance(device, Device) or not device.attested:
                continue
            if device.id in silent:
                record = await table.get(device.id)
                if record is not None:
                    changes += await turned(transaction, device, standing(record, now), act)
        await transaction.snapshot.publish(changes)
    return len(changes)
