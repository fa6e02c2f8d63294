"""Read what is known of devices' health: what is stored, with what this process heard since."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.take_facts import failing
from doorward.administrator.fleet.conclude import Conclusion, conclude, known_of
from doorward.administrator.fleet.health import (
    CheckCount,
    DeviceHealth,
    FleetSample,
    HealthChange,
    PolicyHealth,
    SilentDevice,
)
from doorward.administrator.fleet.known import shown
from doorward.administrator.fleet.posture_ports import PostureRecord
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.agent import Failing

SILENT_SECONDS = 15 * 60
"""The shortest lifetime of a fact: whoever reports nothing for so long is known less well."""


async def health_of(fleet: Fleet, device: DeviceId, now: UnixSeconds) -> DeviceHealth:
    """What is known of one device. Raises DoorwardError `device-unknown`."""
    found = await health_of_each(fleet, [device], now)
    if not found:
        raise DoorwardError(
            "device-unknown",
            f"There is no device `{device}`.",
            "List them with doorward device list.",
        )
    return found[0]


async def fleet_health(
    fleet: Fleet, now: UnixSeconds, *, after: str = "", limit: int = 100
) -> Sequence[DeviceHealth]:
    """The devices whose ids come after `after`, by id: a page of them."""
    devices = fleet.control.live.current.devices
    page = heapq.nsmallest(limit, (device for device in devices if device > after))
    return await health_of_each(fleet, [DeviceId(device) for device in page], now)


async def health_of_each(
    fleet: Fleet, devices: Sequence[DeviceId], now: UnixSeconds
) -> Sequence[DeviceHealth]:
    """What is known of these, in their order; those that are not enrolled are left out."""
    return [
        _health(document, record, conclusion, now)
        for document, record, conclusion in await _looked_at(fleet, devices, now)
    ]


async def failing_of(fleet: Fleet, device: DeviceId, now: UnixSeconds) -> tuple[Failing, ...]:
    """The checks that the device does not pass, for its person."""
    return tuple(
        item
        for _, _, conclusion in await _looked_at(fleet, [device], now)
        for item in failing(conclusion)
    )


async def fleet_summary(fleet: Fleet, now: UnixSeconds) -> FleetSample:
    """How many devices are in which state now."""
    devices = fleet.control.live.current.devices.values()
    answers = [device.healthy for device in devices if not device.suspended]
    return FleetSample(
        at=now,
        healthy=answers.count(True),
        unhealthy=answers.count(False),
        unknown=answers.count(None),
        silent=len(await _silent(fleet, now)),
        suspended=len(devices) - len(answers),
    )


async def failing_checks(fleet: Fleet) -> Sequence[CheckCount]:
    """How many devices do not pass which check, the most first."""
    async with fleet.control.store.transaction() as transaction:
        return await transaction.devices.posture.findings.counts()


async def policy_health(fleet: Fleet) -> Sequence[PolicyHealth]:
    """How the fleet stands with each compliance policy, by id, whether it is enforced or not."""
    async with fleet.control.store.transaction() as transaction:
        counted = await transaction.devices.posture.findings.policy_counts()
    snapshot = fleet.control.live.current
    passing = Counter(policy for device in snapshot.devices.values() for policy in device.complies)
    others = {(item.policy, item.state): item.devices for item in counted}
    return [
        PolicyHealth(
            policy=policy,
            passing=passing[policy],
            grace=others.get((policy, "grace"), 0),
            failing=others.get((policy, "failing"), 0),
            unknown=others.get((policy, "unknown"), 0),
        )
        for policy in sorted(item.id for item in snapshot.compliances.values())
    ]


async def silent_devices(
    fleet: Fleet, now: UnixSeconds, *, limit: int = 100
) -> Sequence[SilentDevice]:
    """Devices that have stopped reporting, the longest silent first; suspended ones are not."""
    return (await _silent(fleet, now))[:limit]


async def history_of(fleet: Fleet, device: DeviceId, *, limit: int = 100) -> Sequence[HealthChange]:
    """How a device's health changed, the newest first."""
    async with fleet.control.store.transaction() as transaction:
        return await transaction.devices.posture.history.of(device, limit)


async def fleet_samples(fleet: Fleet, since: UnixSeconds) -> Sequence[FleetSample]:
    """How the fleet stood every ten minutes since then, the oldest first."""
    async with fleet.control.store.transaction() as transaction:
        return await transaction.devices.posture.history.samples(since)


async def _looked_at(
    fleet: Fleet, devices: Sequence[DeviceId], now: UnixSeconds
) -> list[tuple[Device, PostureRecord, Conclusion]]:
    snapshot, postures = fleet.control.live.current, fleet.postures
    enrolled = [device for device in devices if device in snapshot.devices]
    async with fleet.control.store.transaction() as transaction:
        await postures.refresh(transaction, enrolled)
    found = []
    for device in enrolled:
        held, document = postures.held.get(device), snapshot.devices[device]
        if held is None:  # It was removed meanwhile.
            continue
        known = known_of(document, held.record)
        conclusion = conclude(snapshot, document, held.record, known, held.findings, now)
        found.append((document, held.record, conclusion))
    return found


def _health(
    document: Device, record: PostureRecord, conclusion: Conclusion, now: UnixSeconds
) -> DeviceHealth:
    seen = record.seen_at
    return DeviceHealth(
        device=document.id,
        known=shown(known_of(document, record), now),
        findings=conclusion.findings,
        last_seen_at=seen,
        silent=seen is not None and now >= seen + SILENT_SECONDS,
    )


async def _silent(fleet: Fleet, now: UnixSeconds) -> list[SilentDevice]:
    async with fleet.control.store.transaction() as transaction:
        found = await transaction.devices.posture.records.silent(now - SILENT_SECONDS)
    devices, held = fleet.control.live.current.devices, fleet.postures.held
    return [
        item
        for item in found
        if (device := devices.get(item.device)) is not None
        and not device.suspended
        and not (item.device in held and _heard(held[item.device].record, now))
    ]


def _heard(record: PostureRecord, now: UnixSeconds) -> bool:
    return record.seen_at is not None and now < record.seen_at + SILENT_SECONDS
