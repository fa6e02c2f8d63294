"""Codes by which a device is enrolled without a person in front of it: once, for one owner."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.administrator.authentication import digest, require_enabled
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.ports import OneTime, Transaction
from doorward.administrator.settled import settled
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.spiffe import is_device_id

PURPOSE = "device-enrolment"
LIFETIME_SECONDS = 86_400
MAX_DEVICE_ID = 64
"""It has to fit into the subject of certificates (RFC 5280, ub-organizational-unit-name)."""


class Granted(msgspec.Struct, frozen=True):
    """What a code stands for. `device` is the id that was chosen, empty for one of doorward's."""

    user: UserId
    by: str
    name: str = ""
    device: DeviceId | Literal[""] = ""


async def make_enrolment_code(
    control: ControlPlane, act: Act, *, owner: UserId, name: str = "", device: str = ""
) -> str:
    """The code, shown once; it works for a day.

    `device` chooses the device's id; where the owner has that device, its key is replaced. Only
    who runs doorward chooses ids, since policies and the estate name devices by them.
    Raises DoorwardError `user-unknown`, `user-disabled`, `device-invalid`, `device-exists`.
    """
    if device and (not is_device_id(device) or len(device) > MAX_DEVICE_ID):
        raise DoorwardError(
            "device-invalid",
            f"`{device}` cannot be the id of a device.",
            f"Use letters, digits, `.`, `-` and `_`, at most {MAX_DEVICE_ID}, the first no sign.",
        )
    secret = control.secrets.token()
    async with control.store.transaction() as transaction:
        await user_named(transaction, owner)
        require_enabled(await settled(control, transaction), owner)
        if device:
            await require_own_or_free(transaction, DeviceId(device), owner)
        granted = Granted(owner, act.actor, name, DeviceId(device) if device else "")
        await transaction.one_time.put(
            OneTime(
                purpose=PURPOSE,
                key=digest(secret),
                data=msgspec.Raw(msgspec.json.encode(granted)),
                expires_at=act.at + LIFETIME_SECONDS,
            )
        )
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="enrolment-code-made",
            target=f"user:{owner}",
            detail={"device": device, "name": name},
        )
    return secret


async def require_own_or_free(transaction: Transaction, device: DeviceId, owner: UserId) -> None:
    """Raises DoorwardError `device-exists` where somebody else has a device of this id."""
    other = await transaction.snapshot.get("device", device)
    if isinstance(other, Device) and other.owner != owner:
        raise DoorwardError(
            "device-exists",
            f"Device `{device}` belongs to somebody else.",
            "Remove it first, or choose another identifier.",
        )
