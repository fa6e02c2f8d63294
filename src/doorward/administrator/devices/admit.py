"""How often devices, and people about devices, may try something."""

from __future__ import annotations

from doorward.administrator.devices.parts import Fleet
from doorward.errors import DoorwardError


async def admit(fleet: Fleet, *keys: str) -> None:
    """Count an attempt against each key in turn. Raises DoorwardError `too-many-attempts`."""
    if not await fleet.throttle.allow(*keys):
        raise too_many(await fleet.throttle.retry_after_seconds(*keys))


def too_many(seconds: int) -> DoorwardError:
    """What is answered to whoever tries too often, and may again in so many seconds."""
    return DoorwardError(
        "too-many-attempts",
        "This was tried too often.",
        f"Try again in {max(seconds // 60, 1)} minutes.",
    )
