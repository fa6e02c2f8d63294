"""An operator accepts what a device's TPM measured last: a new firmware, say, or boot loader."""

from __future__ import annotations

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.devices.attestation.measurements import (
    accepted,
    changed,
    measurement,
    standing,
)
from doorward.administrator.devices.attestation.read_attestation import attestation_named
from doorward.administrator.devices.attestation.take_quote import turned
from doorward.administrator.targets import device_named
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId


async def accept_measurements(
    control: ControlPlane, act: Act, device: DeviceId, seen: str
) -> Effect:
    """Let the last quote that held count as good from now on, if it is still the one `seen`.

    `seen` is its `measurement`. Raises DoorwardError `device-unknown`, `device-without-tpm`,
    `nothing-measured`, `measured-anew`. What is accepted already is no act, and leaves no entry.
    """
    async with control.store.transaction() as transaction:
        found = await device_named(transaction, device)
        record = await attestation_named(transaction, found)
        if not record.measured:
            raise DoorwardError(
                "nothing-measured",
                f"The TPM of device `{device}` has not yet said how it booted.",
                "Wait for its next report.",
            )
        # A device must not slip in what it measures now for what the operator looked at.
        if measurement(record) != seen:
            raise DoorwardError(
                "measured-anew",
                f"Device `{device}` has measured something else since you looked.",
                "Look again with doorward device attestation.",
            )
        others = changed(record)
        after = accepted(record, act.actor, act.at)
        if others:
            await transaction.devices.attestations.put([after])
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="measurements-accepted",
                target=f"device:{device}",
                detail={f"pcr-{number}": after.reference[number] for number in others},
            )
        changes = await turned(
            transaction, found, standing(after if others else record, act.at), act
        )
        number = await transaction.snapshot.publish(changes)
    return await effect(control, number)
