"""Read what is known of devices' health."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.devices.parts import Fleet
from doorward.administrator.fleet.health import (
    CheckCount,
    DeviceHealth,
    FleetSample,
    HealthChange,
    SilentDevice,
)
from doorward.model.ids import DeviceId, UnixSeconds


async def health_of(fleet: Fleet, device: DeviceId, now: UnixSeconds) -> DeviceHealth:
    """What is known of one device. Raises DoorwardError `device-unknown`."""
    raise NotImplementedError


async def fleet_health(
    fleet: Fleet, now: UnixSeconds, *, after: str = "", limit: int = 100
) -> Sequence[DeviceHealth]:
    """The devices whose ids come after `after`, by id: a page of them."""
    raise NotImplementedError


async def health_of_each(
    fleet: Fleet, devices: Sequence[DeviceId], now: UnixSeconds
) -> Sequence[DeviceHealth]:
    """What is known of these, in their order; those that are not enrolled are left out."""
    raise NotImplementedError


async def fleet_summary(fleet: Fleet, now: UnixSeconds) -> FleetSample:
    """How many devices are in which state now."""
    raise NotImplementedError


async def failing_checks(fleet: Fleet) -> Sequence[CheckCount]:
    """How many devices fail which check, the most first."""
    raise NotImplementedError


async def silent_devices(
    fleet: Fleet, now: UnixSeconds, *, limit: int = 100
) -> Sequence[SilentDevice]:
    """Devices that have stopped reporting, the longest silent first."""
    raise NotImplementedError


async def history_of(fleet: Fleet, device: DeviceId, *, limit: int = 100) -> Sequence[HealthChange]:
    """How a device's health changed, the newest first."""
    raise NotImplementedError


async def fleet_samples(fleet: Fleet, since: UnixSeconds) -> Sequence[FleetSample]:
    """How the fleet stood every ten minutes since then, the oldest first."""
    raise NotImplementedError
