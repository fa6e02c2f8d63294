"""End all sessions of a person."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_of
from doorward.administrator.settled import settled
from doorward.administrator.targets import user_named
from doorward.model.ids import UserId
from doorward.model.snapshot import Change


async def sign_out_everywhere(control: ControlPlane, act: Act, user: UserId) -> Effect:
    """End every session of `user`, on every device. Raises DoorwardError `user-unknown`."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        await user_named(transaction, user)
        snapshot = await settled(control, transaction)
        return end_sessions(snapshot, sessions_of(snapshot, user))

    return await carry_out(control, act, "signed-out-everywhere", f"user:{user}", {}, prepare)
