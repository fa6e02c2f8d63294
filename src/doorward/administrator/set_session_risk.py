"""Record how risky one session is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import require_risk
from doorward.errors import DoorwardError
from doorward.model.identity import Session
from doorward.model.ids import SessionId
from doorward.model.snapshot import Change, change


async def set_session_risk(
    control: ControlPlane, act: Act, session: SessionId, risk: int, reason: str = ""
) -> Effect:
    """Raises DoorwardError `session-unknown`, `risk-out-of-range`."""
    require_risk(risk)

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        found = await transaction.snapshot.get("session", session)
        if not isinstance(found, Session):
            raise DoorwardError(
                "session-unknown",
                f"There is no session `{session}`.",
                "It may have ended. List the sessions again.",
            )
        if found.risk == risk:
            return []
        return [change("session", msgspec.structs.replace(found, risk=risk))]

    detail = {"risk": str(risk), "reason": reason}
    return await carry_out(control, act, "session-risk-set", f"session:{session}", detail, prepare)
