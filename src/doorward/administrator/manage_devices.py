"""Enrol and remove devices, and record what is known of their health and risk."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import device_named, require_risk, user_named
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.snapshot import Change, change, removal
from doorward.model.spiffe import is_device_id

_KEY = re.compile(r"[0-9a-f]{64}")


async def enrol_device(
    control: ControlPlane, act: Act, *, device: DeviceId, owner: UserId, key: str
) -> Effect:
    """Know `device` by the hex SHA-256 of its key; its health is unknown.

    Raises DoorwardError `device-invalid`, `device-exists`, `user-unknown`.
    """
    if not is_device_id(device) or _KEY.fullmatch(key) is None:
        raise DoorwardError(
            "device-invalid",
            "A device needs an identifier and the SHA-256 of its key in lower-case hex.",
            "Use doorward device enrol.",
        )

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await user_named(transaction, owner)
        for other in await transaction.snapshot.all("device"):
            if isinstance(other, Device) and (other.id == device or other.key == key):
                raise DoorwardError(
                    "device-exists",
                    f"Device `{other.id}` is enrolled already.",
                    "Remove it first, or choose another identifier.",
                )
        return [change("device", Device(id=device, owner=owner, key=key))]

    detail = {"owner": owner, "key": key}
    return await carry_out(control, act, "device-enrolled", f"device:{device}", detail, prepare)


async def remove_device(control: ControlPlane, act: Act, device: DeviceId) -> Effect:
    """Forget a device: its certificate means nothing any more. Raises `device-unknown`."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await device_named(transaction, device)
        return [removal("device", device)]

    return await carry_out(control, act, "device-removed", f"device:{device}", {}, prepare)


async def report_posture(
    control: ControlPlane,
    act: Act,
    device: DeviceId,
    *,
    healthy: bool | None,
    reason: str = "",
) -> Effect:
    """Record whether a device is healthy; None for unknown. Raises `device-unknown`."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        return await posture_said(transaction, device, healthy=healthy, reason=reason)

    words = {True: "healthy", False: "unhealthy", None: "unknown"}
    detail = {"posture": words[healthy], "reason": reason}
    return await carry_out(control, act, "posture-reported", f"device:{device}", detail, prepare)


async def posture_said(
    transaction: Transaction, device: DeviceId, *, healthy: bool | None, reason: str
) -> Sequence[Change]:
    """The changes by which somebody says that a device is healthy, or not. Raises as above."""
    found = await device_named(transaction, device)
    return _if_changed(found, msgspec.structs.replace(found, healthy=healthy, reason=reason))


async def set_device_risk(
    control: ControlPlane, act: Act, device: DeviceId, risk: int, reason: str = ""
) -> Effect:
    """Record how risky a device is. Raises `device-unknown`, `risk-out-of-range`."""
    require_risk(risk)

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        found = await device_named(transaction, device)
        return _if_changed(found, msgspec.structs.replace(found, risk=risk))

    detail = {"risk": str(risk), "reason": reason}
    return await carry_out(control, act, "device-risk-set", f"device:{device}", detail, prepare)


def _if_changed(before: Device, after: Device) -> list[Change]:
    return [] if before == after else [change("device", after)]
