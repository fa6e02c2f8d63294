"""A device that asked to be enrolled asks how it stands; once approved, it is enrolled then.

Rules, in order; the first that applies decides:

1. The enrolment must wait still: `enrolment-unknown`.
2. The key that asked signed this too: `signature-wrong`.
3. It was refused: `enrolment-refused`.
4. A TPM that was said to keep the key must have answered its challenge. A wrong answer ends the
   enrolment: `attestation-refused`.
5. Nobody approved it yet: pending.
6. It was enrolled already, and the answer may have been lost: the same answer again.
7. The owner must be there, and not disabled (`user-disabled`); the key must not be one that
   a device is enrolled with (`device-exists`), nor the TPM another person's device's. Then it is
   enrolled; what stops it is in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import chain

import msgspec

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import require_enabled
from doorward.administrator.control_plane import Act, effect
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.devices.accept import SignedMessage
from doorward.administrator.devices.admit import admit
from doorward.administrator.devices.enrolment_codes import require_own_or_free
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.postures import next_revision
from doorward.administrator.devices.request_enrolment import INTERVAL_SECONDS
from doorward.administrator.fleet.enrolment_ports import Enrolment
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_on
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from doorward.model.snapshot import Change, Snapshot, change
from doorward.protocol.agent import Enrolled, Pending, signature_holds


async def finish_enrolment(
    fleet: Fleet,
    enrolment: str,
    message: SignedMessage,
    *,
    activated: bytes,
    address: str,
    now: UnixSeconds,
) -> Enrolled | Pending:
    """Raises DoorwardError as the rules above say, and `too-many-attempts`."""
    await admit(fleet, f"enrolment-look:{network_of(address)}")
    async with fleet.control.store.transaction() as transaction:
        found = await transaction.devices.enrolments.get(enrolment)
    if found is None or found.expires_at <= now:  # 1
        raise DoorwardError(
            "enrolment-unknown",
            "This enrolment is not known, or its time is over.",
            "Start again: doorward agent enrol.",
        )
    if not signature_holds(found.public_key, message.signature, message.path, message.body):  # 2
        await _note(fleet, found, "signature-wrong", now, address)
        raise DoorwardError(
            "signature-wrong",
            "The message is not signed with the key that asked to be enrolled.",
            "Start again: doorward agent enrol.",
        )
    if found.state == "refused":  # 3
        raise DoorwardError(
            "enrolment-refused",
            "The enrolment was refused.",
            "Ask the person who typed the code, and start again.",
        )
    if found.remembered and not found.proved and activated:  # 4
        found = await _proved(fleet, found, activated, now)
    waits = found.state in {"waiting", "claimed"} or (found.remembered and not found.proved)
    if waits:  # 5
        return Pending(interval_seconds=INTERVAL_SECONDS)
    if found.state == "approved":  # 7
        try:
            found = await _enrolled(fleet, found, now)
        except DoorwardError as error:
            await _note(fleet, found, error.code, now)
            raise
    device = DeviceId(found.device)
    return Enrolled(  # 6
        device=device,
        trust_domain=fleet.trust_domain,
        nonce=fleet.nonces.nonce(device, 1, now),
    )


async def _proved(fleet: Fleet, found: Enrolment, activated: bytes, now: UnixSeconds) -> Enrolment:
    """What its TPM answered, written down."""
    right = fleet.attestor is not None and fleet.attestor.activated(found.remembered, activated)
    async with fleet.control.store.transaction() as transaction:
        latest = await transaction.devices.enrolments.get(found.id)
        if latest is None:
            return found
        latest = msgspec.structs.replace(
            latest, proved=right, state=latest.state if right else "refused"
        )
        await transaction.devices.enrolments.put(latest)
    if not right:
        await _note(fleet, found, "attestation-refused", now)
        raise DoorwardError(
            "attestation-refused",
            "The TPM did not answer the challenge that was made for it.",
            "Start again on the device itself; a TPM that is passed on over a network is none.",
        )
    return latest


async def _note(
    fleet: Fleet, found: Enrolment, why: str, now: UnixSeconds, address: str = ""
) -> None:
    """An entry in the audit log, unless there were many from there just now."""
    address = address or found.address
    if not await fleet.throttle.allow(f"audit-address:{network_of(address)}", "audit:all"):
        return
    async with fleet.control.store.transaction() as transaction:
        await transaction.audit.append(
            at=now,
            actor="anonymous",
            act="enrolment-rejected",
            target=f"enrolment:{found.id}",
            detail={"address": address, "why": why},
        )


async def _enrolled(fleet: Fleet, found: Enrolment, now: UnixSeconds) -> Enrolment:
    control = fleet.control
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        latest = await transaction.devices.enrolments.get(found.id)
        if latest is None or latest.state != "approved":
            return latest or found
        owner = require_enabled(snapshot, UserId(latest.user))
        device = await _device(fleet, transaction, snapshot, latest)
        before = await transaction.devices.records.get(device.id)
        spoken = (await transaction.devices.posture.records.of([device.id])).get(device.id)
        ill = spoken is not None and spoken.said is False
        if spoken is not None and spoken.said:
            # It was called healthy with the key that it had before.
            unsaid = msgspec.structs.replace(spoken, said=None, said_why="")
            await transaction.devices.posture.records.put([next_revision(unsaid)])
        record = DeviceRecord(
            id=device.id,
            public_key=latest.public_key,
            storage=latest.storage,
            enrolled_at=now,
        )
        await transaction.devices.records.put([record])
        changes: list[Change] = []
        if latest.remembered and fleet.attestor is not None:
            changes += await fleet.attestor.keep(
                transaction, Act(latest.by, now), device.id, owner.id, latest.remembered
            )
            changes += _sessions_of_gone(snapshot, changes)
        latest = msgspec.structs.replace(latest, state="enrolled", device=device.id)
        await transaction.devices.enrolments.put(latest)
        healthy = False if ill else None
        shown = change("device", msgspec.structs.replace(device, healthy=healthy))
        number = await transaction.snapshot.publish([*changes, shown])
        await transaction.audit.append(
            at=now,
            actor=latest.by,
            act="device-enrolled" if before is None else "device-enrolled-again",
            target=f"device:{device.id}",
            detail={
                "owner": owner.id,
                "name": device.name,
                "key": device.key,
                "storage": record.storage,
                "enrolment": latest.id,
                "address": latest.address,
            },
        )
    fleet.roll.forget(device.id)
    await effect(control, number)
    await tell_person(
        control,
        owner,
        "A device was enrolled for you",
        f"The device {device.name} is enrolled in your name, and can be used where your "
        "organisation asks for a known device.",
        now,
        latest.address,
    )
    return latest


async def _device(
    fleet: Fleet, transaction: Transaction, snapshot: Snapshot, found: Enrolment
) -> Device:
    """The document: a new device, or the same one with its new key. Raises `device-exists`."""
    owner, key = UserId(found.user), sha256(found.public_key).hexdigest()
    if any(other.key == key for other in snapshot.devices.values()):
        raise DoorwardError(
            "device-exists",
            "A device is enrolled with this key already.",
            "Enrol with a new key: doorward agent enrol makes one.",
        )
    chosen = found.replaces or found.chosen
    device = DeviceId(chosen) if chosen else DeviceId(fleet.control.secrets.id("dev"))
    await require_own_or_free(transaction, device, owner)
    before = snapshot.devices.get(device)
    return Device(
        id=device,
        owner=owner,
        key=key,
        name=found.name,
        platform=found.platform,
        risk=0 if before is None else before.risk,
    )


def _sessions_of_gone(snapshot: Snapshot, changes: Sequence[Change]) -> list[Change]:
    """The ends of the sessions on devices that give way to this one."""
    gone = [DeviceId(item.id) for item in changes if item.kind == "device"]
    return [
        *chain.from_iterable(end_sessions(snapshot, sessions_on(snapshot, item)) for item in gone)
    ]
