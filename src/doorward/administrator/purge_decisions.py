"""Remove decision records that are older than they are to be kept. The audit stays whole."""

from __future__ import annotations

from datetime import UTC, datetime

from doorward.administrator.ports import Store
from doorward.model.ids import UnixSeconds

BATCH = 2000
_DAY = 86_400


async def purge_decisions(
    store: Store, now: UnixSeconds, *, keep_days: int, limit: int = BATCH
) -> int:
    """Remove at most `limit` records and return how many; as many as `limit`: there may be more.

    A record is kept for `keep_days` and until the UTC day in which it turned older is over, so
    that a small log is purged once a day. What was removed, and the audit entry that says how
    many from before when, are committed together.
    """
    before = (now - keep_days * _DAY) // _DAY * _DAY
    async with store.transaction() as transaction:
        removed = await transaction.decisions.remove_before(before, limit)
        if removed:
            await transaction.audit.append(
                at=now,
                actor="system",
                act="decisions-purged",
                target="decisions",
                detail={
                    "number": str(removed),
                    "before": datetime.fromtimestamp(before, UTC).isoformat(),
                },
            )
    return removed
