"""Suspend a device: it counts as none until it is enrolled again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_on
from doorward.administrator.settled import settled
from doorward.administrator.targets import device_named
from doorward.model.device import Suspension
from doorward.model.ids import DeviceId
from doorward.model.snapshot import Change, change


async def suspend_device(
    control: ControlPlane, act: Act, device: DeviceId, why: Suspension
) -> Effect:
    """Its certificates vouch for nothing from now on, and the sessions on it end.

    Raises `device-unknown`.
    """

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        found = await device_named(transaction, device)
        if found.suspended == why:
            return []
        snapshot = await settled(control, transaction)
        return [
            change("device", msgspec.structs.replace(found, suspended=why)),
            *end_sessions(snapshot, sessions_on(snapshot, device)),
        ]

    return await carry_out(
        control, act, "device-suspended", f"device:{device}", {"why": why}, prepare
    )
