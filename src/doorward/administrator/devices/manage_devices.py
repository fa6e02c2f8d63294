"""Remove devices, and record what is known of their health and risk."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.devices.postures import Postures
from doorward.administrator.devices.settle import Saying, settled_for
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_on
from doorward.administrator.settled import settled
from doorward.administrator.targets import device_named, require_risk
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.snapshot import Change, Snapshot, change, removal


async def remove_device(control: ControlPlane, act: Act, device: DeviceId) -> Effect:
    """Forget a device: its certificates mean nothing any more, and the sessions on it end.

    Raises `device-unknown`.
    """

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await device_named(transaction, device)
        await transaction.devices.records.remove(device)
        await transaction.devices.attestations.remove(device)
        await transaction.devices.posture.records.remove([device])
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
    """Say that a device is unhealthy or healthy as far as one knows, or None: nothing any more.

    It counts beside the compliance policies: whatever is worse holds. Raises `device-unknown`.
    """
    saying = Saying(healthy, "" if healthy is None else reason)
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        changes, new = await posture_said(transaction, snapshot, device, saying, act.at)
        number = await transaction.snapshot.publish(changes)
        if new:
            words = {True: "healthy", False: "unhealthy", None: "unknown"}
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="posture-reported",
                target=f"device:{device}",
                detail={"posture": words[healthy], "reason": reason},
            )
    return await effect(control, number)


async def posture_said(
    transaction: Transaction,
    snapshot: Snapshot,
    device: DeviceId,
    saying: Saying,
    now: UnixSeconds,
) -> tuple[Sequence[Change], bool]:
    """What follows from `saying`, to be published, and whether it says anything new.

    Raises `device-unknown`.
    """
    await device_named(transaction, device)
    found = await settled_for(
        Postures(), transaction, snapshot, [device], now=now, said={device: saying}
    )
    return await found.keep(transaction), bool(found.records)


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
