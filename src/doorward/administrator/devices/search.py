"""Find devices of the fleet: by name, owner, platform, how they stand, and what they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Literal

from doorward.administrator.devices.health import silent_devices
from doorward.administrator.devices.parts import Fleet
from doorward.model.device import Device, Platform
from doorward.model.estate import User
from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds
from doorward.model.posture import FactName
from doorward.model.snapshot import Snapshot

Sought = Literal["healthy", "unhealthy", "unknown", "silent", "suspended"]
_EVERY = 1_000_000


@dataclass(frozen=True, slots=True)
class Search:
    """Which devices to find; what is empty or None does not matter.

    `text` is part of a name or id, or of the id or name of the owner, whatever the case.
    `check` is a policy and a fact whose check they do not pass.
    """

    text: str = ""
    standing: Sought | None = None
    platform: Platform | None = None
    owner: str = ""
    check: tuple[ComplianceId, FactName] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the devices that fit, by name, and how many there are in all."""

    devices: Sequence[Device]
    total: int


async def find_devices(
    fleet: Fleet, search: Search, now: UnixSeconds, *, offset: int = 0, limit: int = 50
) -> Found:
    """A page of what fits. It looks at every device, and at the store only where it must."""
    snapshot = fleet.control.live.current
    among: list[Collection[DeviceId]] = []
    if search.check is not None:
        async with fleet.control.store.transaction() as transaction:
            among.append(set(await transaction.devices.posture.findings.devices(*search.check)))
    if search.standing == "silent":
        among.append({item.device for item in await silent_devices(fleet, now, limit=_EVERY)})
    # In a thread, so that whoever waits for something else does not wait for this.
    return await asyncio.to_thread(_found, search, snapshot, among, offset, offset + limit)


def _found(
    search: Search,
    snapshot: Snapshot,
    among: Sequence[Collection[DeviceId]],
    start: int,
    stop: int,
) -> Found:
    fitting = list(snapshot.devices.values())
    for some in among:
        fitting = [device for device in fitting if device.id in some]
    for test in _tests(search, snapshot):
        fitting = [device for device in fitting if test(device)]
    return Found(nsmallest(stop, fitting, key=_place)[start:], len(fitting))


def _tests(search: Search, snapshot: Snapshot) -> list[Callable[[Device], bool]]:
    tests: list[Callable[[Device], bool]] = []
    if search.standing is not None:
        tests.append(_STANDING[search.standing])
    if search.platform is not None:
        tests.append(lambda device: device.platform == search.platform)
    if search.owner:
        tests.append(lambda device: device.owner == search.owner)
    wanted = search.text.strip().casefold()
    if wanted:
        owners = {user.id for user in snapshot.users.values() if wanted in _named(user)}
        tests.append(lambda device: device.owner in owners or wanted in _text(device))
    return tests


_STANDING: dict[Sought, Callable[[Device], bool]] = {
    "healthy": lambda device: device.healthy is True and not device.suspended,
    "unhealthy": lambda device: device.healthy is False and not device.suspended,
    "unknown": lambda device: device.healthy is None and not device.suspended,
    "silent": lambda device: not device.suspended,
    "suspended": lambda device: bool(device.suspended),
}


def _place(device: Device) -> tuple[str, str]:
    return (device.name or device.id).casefold(), device.id


def _text(device: Device) -> str:
    return f"{device.name}\n{device.id}\n{device.owner}".casefold()


def _named(user: User) -> str:
    return f"{user.name}\n{user.id}".casefold()
