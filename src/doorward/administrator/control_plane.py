"""What every use case works with: the store, the live snapshot, and who is asking."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from doorward.administrator.idleness.activity import Activity
from doorward.administrator.mail import Mailer
from doorward.administrator.ports import Gateways, Secrets, Store
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, and when. `actor` is `user:ID`, `service:ID`, `operator` or `system`."""

    actor: str
    at: UnixSeconds


class LiveSnapshot(Protocol):
    """The control plane's own replica, fed by `Store.revisions`."""

    @property
    def current(self) -> Snapshot: ...

    async def reached(self, number: int) -> Snapshot:
        """Wait until the replica holds `number`, and return it."""
        ...


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The parts that use cases share. `activity` hears when sessions are used."""

    store: Store
    live: LiveSnapshot
    gateways: Gateways
    secrets: Secrets
    mailer: Mailer
    effect_timeout_seconds: float = 2.0
    activity: Activity = field(default_factory=Activity)


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of an act: its snapshot number, and whether every connected gateway enforces it."""

    number: int
    enforced: bool


async def effect(control: ControlPlane, number: int) -> Effect:
    """Wait until snapshot `number` is enforced everywhere, within bounds."""
    try:
        async with asyncio.timeout(control.effect_timeout_seconds):
            await control.live.reached(number)
    except TimeoutError:
        return Effect(number, enforced=False)
    enforced = await control.gateways.wait_applied(number, control.effect_timeout_seconds)
    return Effect(number, enforced)
