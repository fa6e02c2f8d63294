"""End one session, at every resource."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.identity import Session
from doorward.model.ids import SessionId
from doorward.model.snapshot import Change


async def revoke_session(
    control: ControlPlane, act: Act, session: SessionId, reason: str = ""
) -> Effect:
    """End `session` and its cookies. Raises DoorwardError `session-unknown`."""

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        if not isinstance(await transaction.snapshot.get("session", session), Session):
            raise DoorwardError(
                "session-unknown",
                f"There is no session `{session}`.",
                "It may have ended. List the sessions again.",
            )
        return end_sessions(await settled(control, transaction), [session])

    return await carry_out(
        control, act, "session-revoked", f"session:{session}", {"reason": reason}, prepare
    )


async def sign_out_session(
    control: ControlPlane, act: Act, session: SessionId, reason: str
) -> Effect | None:
    """As `revoke_session`, by whom it is enough that it has ended: None where it had already."""
    try:
        return await revoke_session(control, act, session, reason)
    except DoorwardError as error:
        if error.code != "session-unknown":
            raise
    return None
