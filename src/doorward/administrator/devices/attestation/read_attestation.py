"""Look up what is known of a device's TPM."""

from __future__ import annotations

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import device_named
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId


async def read_attestation(control: ControlPlane, device: DeviceId) -> AttestationRecord:
    """Raises DoorwardError `device-unknown`, `device-without-tpm`."""
    async with control.store.transaction() as transaction:
        return await attestation_named(transaction, await device_named(transaction, device))


async def attestation_named(transaction: Transaction, device: Device) -> AttestationRecord:
    """Raises DoorwardError `device-without-tpm`."""
    record = await attestation_of(transaction, device)
    if record is None:
        raise DoorwardError(
            "device-without-tpm",
            f"No TPM vouches for device `{device.id}`.",
            "Enrol it again with a TPM of a maker that you trust.",
        )
    return record


async def attestation_of(transaction: Transaction, device: Device) -> AttestationRecord | None:
    """What is known of the TPM that keeps the device's enrolled key; None where none does.

    A record of an earlier key of this device says nothing of the one that it has now.
    """
    record = await transaction.devices.attestations.get(device.id)
    return record if record is not None and record.key == device.key else None
