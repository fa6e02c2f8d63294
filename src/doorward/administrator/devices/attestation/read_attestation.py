"""Look up what is known of a device's TPM."""

from __future__ import annotations

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import device_named
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId


async def read_attestation(control: ControlPlane, device: DeviceId) -> AttestationRecord:
    """Raises DoorwardError `device-unknown`, `device-without-tpm`."""
    async with control.store.transaction() as transaction:
        await device_named(transaction, device)
        return await attestation_of(transaction, device)


async def attestation_of(transaction: Transaction, device: DeviceId) -> AttestationRecord:
    """Raises DoorwardError `device-without-tpm`."""
    record = await transaction.devices.attestations.get(device)
    if record is None:
        raise DoorwardError(
            "device-without-tpm",
            f"No TPM vouches for device `{device}`.",
            "Enrol it again with a TPM of a maker that you trust.",
        )
    return record
