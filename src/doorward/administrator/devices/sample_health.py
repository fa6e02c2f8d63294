"""How the fleet's health goes over time: a sample every ten minutes, kept for so many days."""

from __future__ import annotations

import msgspec

from doorward.administrator.devices.health import fleet_summary
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.ports import Store
from doorward.model.ids import UnixSeconds

SAMPLE_SECONDS = 600
_BATCH = 1000
_DAY = 86_400


async def sample_health(fleet: Fleet, now: UnixSeconds) -> bool:
    """Note how the fleet stands, where nobody did in these ten minutes; whether it was noted."""
    if not fleet.control.live.current.number:
        return False
    moment = now // SAMPLE_SECONDS * SAMPLE_SECONDS
    async with fleet.control.store.transaction() as transaction:
        if await transaction.devices.posture.history.samples(moment):
            return False
    sample = msgspec.structs.replace(await fleet_summary(fleet, now), at=moment)
    async with fleet.control.store.transaction() as transaction:
        await transaction.devices.posture.history.add_sample(sample)
    return True


async def let_history_go(store: Store, now: UnixSeconds, *, keep_days: int) -> int:
    """Forget some of what is older than `keep_days`, 0 for nothing; how many entries."""
    if not keep_days:
        return 0
    async with store.transaction() as transaction:
        return await transaction.devices.posture.history.remove_before(
            now - keep_days * _DAY, _BATCH
        )
