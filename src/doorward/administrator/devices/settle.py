"""Conclude anew for some devices, and keep and publish what changed, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.postures import Held, Postures, next_revision
from doorward.administrator.fleet.conclude import Conclusion, conclude, known_of
from doorward.administrator.fleet.health import HealthChange
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.administrator.ports import Transaction
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.snapshot import Change, Snapshot, change

SLICE = 50
"""So many devices are looked at in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What those who run doorward say of a device's health from now on, None for nothing."""

    healthy: bool | None
    why: str


@dataclass(slots=True)
class Settled:
    """What follows for the devices of one transaction."""

    changes: list[Change] = field(default_factory=list)
    history: list[HealthChange] = field(default_factory=list)
    records: list[tuple[PostureRecord, PostureRecord]] = field(default_factory=list)
    findings: dict[DeviceId, tuple[FindingRecord, ...]] = field(default_factory=dict)
    gone: list[DeviceId] = field(default_factory=list)

    async def write(self, transaction: Transaction) -> int:
        """Write all of it, and return the snapshot's number."""
        tables = transaction.devices.posture
        await tables.records.put([after for _, after in self.records])
        await tables.findings.replace(self.findings)
        await tables.history.add(self.history)
        await tables.records.remove(self.gone)
        return await transaction.snapshot.publish(self.changes)

    def committed(self, postures: Postures) -> None:
        """Hold what the store holds now."""
        for before, after in self.records:
            postures.written(before, after)
        for device, findings in self.findings.items():
            if device in postures.held:
                postures.held[device].findings = findings
        postures.forget(self.gone)


async def settle(
    control: ControlPlane, postures: Postures, devices: Sequence[DeviceId], now: UnixSeconds
) -> None:
    """Conclude for `devices`. Where the store refuses, they wait for the next pass."""
    try:
        async with control.store.transaction() as transaction:
            settled = await settled_for(
                postures, transaction, control.live.current, devices, now=now
            )
            await settled.write(transaction)
    except BaseException:
        postures.waiting.update(dict.fromkeys(devices))
        raise
    settled.committed(postures)


async def settled_for(
    postures: Postures,
    transaction: Transaction,
    snapshot: Snapshot,
    devices: Sequence[DeviceId],
    *,
    now: UnixSeconds,
    said: Mapping[DeviceId, Saying] = MappingProxyType({}),
) -> Settled:
    """What follows at `now` from what is known of the devices; `said` is the operator's new word.

    Where `snapshot` is behind the store, what it lacks brings the device here once more.
    """
    await postures.refresh(transaction, devices)
    settled = Settled()
    for device in dict.fromkeys(devices):
        seen = snapshot.devices.get(device)
        held = postures.held.get(device)
        if held is None:  # It was forgotten meanwhile.
            continue
        if seen is None:
            # Enrolled and not live here yet, which brings it here once more; or gone.
            if await transaction.snapshot.get("device", device) is None:
                settled.gone.append(device)
            continue
        record = _told(held.record, said.get(device))
        conclusion = _concluded(snapshot, seen, record, held, now)
        if record is held.record and _stands(conclusion, seen, held):
            continue
        document = await transaction.snapshot.get("device", device)
        if not isinstance(document, Device):
            settled.gone.append(device)
            continue
        if document != seen:
            conclusion = _concluded(snapshot, document, record, held, now)
            if record is held.record and _stands(conclusion, document, held):
                continue
        _note(settled, document, held, record, conclusion, now)
    return settled


def _concluded(
    snapshot: Snapshot, document: Device, record: PostureRecord, held: Held, now: UnixSeconds
) -> Conclusion:
    known = known_of(document, record)
    return conclude(snapshot, document, record, known, held.findings, now)


def _told(record: PostureRecord, saying: Saying | None) -> PostureRecord:
    if saying is None or (record.said, record.said_why) == (saying.healthy, saying.why):
        return record
    return msgspec.structs.replace(record, said=saying.healthy, said_why=saying.why)


def _stands(conclusion: Conclusion, document: Device, held: Held) -> bool:
    """Whether nothing is to be written."""
    return (
        conclusion.due_at == held.record.due_at
        and conclusion.records == held.findings
        and conclusion.on(document) == document
    )


def _note(
    settled: Settled,
    document: Device,
    held: Held,
    record: PostureRecord,
    conclusion: Conclusion,
    now: UnixSeconds,
) -> None:
    after = conclusion.on(document)
    if after != document:
        settled.changes.append(change("device", after))
    if (after.healthy, after.reason) != (document.healthy, document.reason):
        settled.history.append(
            HealthChange(device=document.id, at=now, healthy=after.healthy, findings=after.reason)
        )
    if conclusion.records != held.findings:
        settled.findings[document.id] = conclusion.records
    due = msgspec.structs.replace(record, due_at=conclusion.due_at)
    settled.records.append((held.record, next_revision(due)))
