"""Refused deliveries in the audit log, as many as fit a minute."""

from __future__ import annotations

from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.receiver.refusals import SetRefusedError
from doorward.model.ids import UnixSeconds


async def note_refused(
    receiver: Receiver, target: str, source: str, refused: SetRefusedError, now: UnixSeconds
) -> None:
    """Write one; a flood is cut off for each `source` (an address), and for all together."""
    if not await receiver.throttle.allow(f"audit-address:{source}", "audit:all"):
        return
    async with receiver.control.store.transaction() as transaction:
        await transaction.audit.append(
            at=now,
            actor="anonymous",
            act="signal-refused",
            target=target,
            detail={"err": refused.err, "why": refused.why, "from": source},
        )
