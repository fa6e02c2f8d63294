"""Keep what a TPM proved when its device is enrolled, and notice hardware that is enrolled twice.

One TPM is one device. Enrolled again by the same person (a system installed anew), the new device
takes the place of the earlier one, which ends. Enrolled by another person, it is refused: the
earlier device is still theirs until somebody removes it.
"""

from __future__ import annotations

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.attestation.challenge import AttestedTpm
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.snapshot import Change, removal


async def remember_tpm(
    transaction: Transaction, device: DeviceId, owner: UserId, tpm: AttestedTpm, act: Act
) -> list[Change]:
    """Keep it for the new `device` of `owner`, and say what is to be published with the device.

    Raises DoorwardError `hardware-enrolled` where the TPM is another person's device; nothing is
    kept then, and the caller audits the attempt.
    """
    table = transaction.devices.attestations
    changes: list[Change] = []
    known = await table.of_endorsement(tpm.endorsement)
    if known is not None and known.device != device:
        changes = await _replaced(transaction, known.device, device, owner, act)
        await table.remove(known.device)
    record = AttestationRecord(
        device=device,
        endorsement=tpm.endorsement,
        certificate=tpm.certificate,
        ak_public=tpm.ak_public,
        key=tpm.key,
        since=act.at,
    )
    await table.put([record])
    return changes


async def _replaced(
    transaction: Transaction, earlier: DeviceId, device: DeviceId, owner: UserId, act: Act
) -> list[Change]:
    found = await transaction.snapshot.get("device", earlier)
    if not isinstance(found, Device):
        return []
    if found.owner != owner:
        raise DoorwardError(
            "hardware-enrolled",
            "This hardware is enrolled already, as another person's device.",
            "Ask those who run doorward to remove that device first.",
        )
    await transaction.devices.records.remove(earlier)
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act="device-replaced",
        target=f"device:{earlier}",
        detail={"by": device, "owner": owner},
    )
    return [removal("device", earlier)]
