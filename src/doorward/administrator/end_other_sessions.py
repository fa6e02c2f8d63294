"""End all sessions of a person but the one they are in."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_of
from doorward.administrator.settled import settled
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import Change


async def end_other_sessions(
    control: ControlPlane, act: Act, user: UserId, kept: SessionId
) -> Effect:
    """End every session of `user` but `kept`, with its cookies."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        snapshot = await settled(control, transaction)
        return end_sessions(snapshot, [s for s in sessions_of(snapshot, user) if s != kept])

    detail: dict[str, str] = {"kept": kept}
    return await carry_out(control, act, "other-sessions-ended", f"user:{user}", detail, prepare)
