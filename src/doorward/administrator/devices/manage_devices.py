"""Remove devices, and record what is known of their health and risk."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_on
from doorward.administrator.settled import settled
from doorward.administrator.targets import device_named, require_risk
from doorward.model.device import Device
from doorward.model.ids import DeviceId
from doorward.model.snapshot import Change, change, removal


async def remove_device(control: ControlPlane, act: Act, device: DeviceId) -> Effect:
    """Forget a device: its certificates mean nothing any more, and the sessions on it end.

    Raises `device-unknown`.
    """

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await device_named(transaction, device)
        await transaction.devices.records.remove(device)
        snapshot = await settled(control, transaction)
        return [
            removal("device", device),
            *end_sessions(snapshot, sessions_on(snapshot, device)),
        ]

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
        found = await device_named(transaction, device)
        return _if_changed(found, msgspec.structs.replace(found, healthy=healthy, reason=reason))

    words = {True: "healthy", False: "unhealthy", None: "unknown"}
    detail = {"posture": words[healthy], "reason": reason}
    return await carry_out(control, act, "posture-reported", f"device:{device}", detail, prepare)


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
