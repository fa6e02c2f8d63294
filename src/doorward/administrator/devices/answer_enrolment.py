"""A signed-in person types the code that a device shows, and approves or refuses the device.

The code finds the device once: from then on it is this person's alone to decide on. Whoever
types codes of others' devices has a few tries, and every wrong one is in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.admit import too_many
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.fleet.enrolment_ports import Enrolment
from doorward.administrator.guesses import ENROLMENT_CODE, count
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import device_named
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds, UserId

DECISION_SECONDS = 900


async def claim_enrolment(fleet: Fleet, act: Act, user: UserId, code: str) -> Enrolment:
    """The device that shows `code`. Raises `enrolment-code-wrong`, `too-many-attempts`."""
    await _count(fleet, user, act.at)
    async with fleet.control.store.transaction() as transaction:
        table = transaction.devices.enrolments
        found = await table.of_code(fleet.codes.hash(code), act.at)
        if found is not None:
            found = msgspec.structs.replace(
                found,
                state="claimed",
                user=user,
                code_hash="",
                expires_at=act.at + DECISION_SECONDS,
            )
            await table.put(found)
            await transaction.attempts.forget(ENROLMENT_CODE.purpose, user)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="enrolment-claimed" if found else "enrolment-code-wrong",
            target=f"enrolment:{found.id if found else ''}",
            detail={"name": found.name, "address": found.address} if found else {},
        )
    if found is None:
        raise DoorwardError(
            "enrolment-code-wrong",
            "No device waits for this code.",
            "Type the eight digits that the device shows; they work for a quarter of an hour.",
        )
    return found


async def _count(fleet: Fleet, user: UserId, now: UnixSeconds) -> None:
    async with fleet.control.store.transaction() as transaction:
        refusal = await count(transaction, ENROLMENT_CODE, user, now)
    if refusal is not None:
        raise too_many(refusal.whole_seconds)


async def claimed_enrolments(fleet: Fleet, act: Act, user: UserId) -> Sequence[Enrolment]:
    """What this person has yet to decide on, oldest first."""
    async with fleet.control.store.transaction() as transaction:
        return await transaction.devices.enrolments.claimed_by(user, act.at)


async def approve_enrolment(
    fleet: Fleet, act: Act, user: UserId, enrolment: str, *, replaces: DeviceId | Literal[""] = ""
) -> None:
    """Let the device be enrolled for this person, as a new one or with a new key.

    Raises DoorwardError `enrolment-unknown`, `device-unknown`.
    """
    async with fleet.control.store.transaction() as transaction:
        found = await _claimed(transaction, act, user, enrolment)
        if replaces and (await device_named(transaction, replaces)).owner != user:
            raise DoorwardError("device-unknown", "You have no such device.", "Choose another one.")
        approved = msgspec.structs.replace(
            found,
            state="approved",
            by=act.actor,
            replaces=replaces,
            expires_at=act.at + DECISION_SECONDS,
        )
        await transaction.devices.enrolments.put(approved)
        await _note(transaction, act, "enrolment-approved", found)


async def refuse_enrolment(fleet: Fleet, act: Act, user: UserId, enrolment: str) -> None:
    """Tell the device no. Raises DoorwardError `enrolment-unknown`."""
    async with fleet.control.store.transaction() as transaction:
        found = await _claimed(transaction, act, user, enrolment)
        refused = msgspec.structs.replace(found, state="refused", by=act.actor)
        await transaction.devices.enrolments.put(refused)
        await _note(transaction, act, "enrolment-refused", found)


async def _claimed(transaction: Transaction, act: Act, user: UserId, enrolment: str) -> Enrolment:
    found = await transaction.devices.enrolments.get(enrolment)
    live = found is not None and found.state == "claimed" and act.at < found.expires_at
    if found is None or not live or found.user != user:
        raise DoorwardError(
            "enrolment-unknown",
            "Nothing waits for your answer, or its time is over.",
            "Start again on the device: doorward agent enrol.",
        )
    return found


async def _note(transaction: Transaction, act: Act, said: str, enrolment: Enrolment) -> None:
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act=said,
        target=f"enrolment:{enrolment.id}",
        detail={"name": enrolment.name, "address": enrolment.address},
    )
