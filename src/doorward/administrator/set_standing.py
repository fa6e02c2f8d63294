"""Disable and enable people, and record their risk: what outlives every `apply` of the estate."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.disabling import disabled, disablers, enabled, shut_out
from doorward.administrator.ports import Transaction
from doorward.administrator.settled import settled
from doorward.administrator.targets import require_risk, standing_of, user_named
from doorward.errors import DoorwardError
from doorward.model.identity import Standing
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, change


async def disable_user(control: ControlPlane, act: Act, user: UserId, reason: str = "") -> Effect:
    """Deny `user` everything and end their sessions. Raises DoorwardError `user-unknown`."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await user_named(transaction, user)
        standing = await standing_of(transaction, user)
        snapshot = await settled(control, transaction)
        after = disabled(standing, "doorward", reason)
        return await shut_out(transaction, snapshot, act, standing, after)

    return await carry_out(
        control, act, "user-disabled", f"user:{user}", {"reason": reason}, prepare
    )


async def enable_user(control: ControlPlane, act: Act, user: UserId, reason: str = "") -> Effect:
    """Let `user` sign in again, whatever transmitters said of them until now.

    Who had left comes back with nothing, and needs an invitation.
    Raises DoorwardError `user-unknown`; `user-inactive` where their directory keeps them out.
    """

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await user_named(transaction, user)
        standing = await standing_of(transaction, user)
        if "scim" in disablers(standing):
            raise DoorwardError(
                "user-inactive",
                f"The directory that provisions `{user}` says that they are inactive.",
                "Make them active there.",
            )
        back = msgspec.structs.replace(standing, left=False)
        for authority in disablers(standing):
            back = enabled(back, authority, reason)
        return _if_changed(standing, back)

    return await carry_out(
        control, act, "user-enabled", f"user:{user}", {"reason": reason}, prepare
    )


async def set_user_risk(
    control: ControlPlane, act: Act, user: UserId, risk: int, reason: str = ""
) -> Effect:
    """Record how risky `user` is, 0 to 100.

    Raises DoorwardError `user-unknown`, `risk-out-of-range`.
    """
    require_risk(risk)

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await user_named(transaction, user)
        standing = await standing_of(transaction, user)
        return _if_changed(standing, msgspec.structs.replace(standing, risk=risk, reason=reason))

    detail = {"risk": str(risk), "reason": reason}
    return await carry_out(control, act, "user-risk-set", f"user:{user}", detail, prepare)


def _if_changed(before: Standing, after: Standing) -> list[Change]:
    return [] if before == after else [change("standing", after)]
