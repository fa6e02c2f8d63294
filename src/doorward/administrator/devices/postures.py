"""What devices said of their health, at hand in this process and kept in the store.

A report that changes nothing but its time is written behind, many in one transaction, by
`keep_posture`; what changes a conclusion is written at once (`settle.py`). Another control process
may hear the same device: each write moves the record's revision, and whoever finds another one
than it knew reads it again, and puts its own and the stored facts together. What is lost with the
process is a second of times, by which facts only look older than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.fleet.known import merged, packed, unpacked
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.administrator.ports import Store, Transaction
from doorward.model.ids import DeviceId


@dataclass(slots=True)
class Held:
    """A device's record and how it stands; `changed` where the store does not know it yet."""

    record: PostureRecord
    findings: tuple[FindingRecord, ...] = ()
    changed: bool = False


@dataclass(slots=True)
class Postures:
    """The devices that this process has looked at, and those it should look at again."""

    held: dict[DeviceId, Held] = field(default_factory=dict)
    waiting: dict[DeviceId, None] = field(default_factory=dict)
    _changed: set[DeviceId] = field(default_factory=set)

    async def of(self, store: Store, device: DeviceId) -> Held:
        """What is at hand of `device`, or else in the store."""
        found = self.held.get(device)
        if found is None:
            async with store.transaction() as transaction:
                await self.refresh(transaction, [device])
                found = self.held[device]
        return found

    async def refresh(self, transaction: Transaction, devices: Sequence[DeviceId]) -> None:
        """Read again what another process wrote, or this one has not read yet."""
        tables = transaction.devices.posture
        stored = await tables.records.revisions(devices)
        behind = [
            device
            for device in devices
            if device not in self.held or self.held[device].record.revision != stored.get(device, 0)
        ]
        if not behind:
            return
        records, findings = await tables.records.of(behind), await tables.findings.of(behind)
        for device in behind:
            record = records.get(device, PostureRecord(device=device))
            self._read(device, record, findings.get(device, ()))

    def heard(self, device: DeviceId, record: PostureRecord) -> None:
        """Hold `record`, and write it behind."""
        held = self.held[device]
        held.record, held.changed = record, True
        self._changed.add(device)

    def written(self, before: PostureRecord, after: PostureRecord) -> None:
        """The store holds `after`, where `before` was at hand; more may be heard meanwhile."""
        held = self.held.get(after.device)
        if held is None:
            return
        if held.record is before:
            held.record, held.changed = after, False
            self._changed.discard(after.device)
        else:
            held.record = msgspec.structs.replace(
                held.record, revision=after.revision, said=after.said, said_why=after.said_why
            )
            self.waiting[after.device] = None

    def unwritten(self) -> list[DeviceId]:
        """The devices whose records the store does not know yet."""
        return list(self._changed)

    def forget(self, devices: Sequence[DeviceId]) -> None:
        """Hold nothing of these any more."""
        for device in devices:
            self.held.pop(device, None)
            self._changed.discard(device)
            self.waiting.pop(device, None)

    def _read(
        self, device: DeviceId, record: PostureRecord, findings: tuple[FindingRecord, ...]
    ) -> None:
        held = self.held.setdefault(device, Held(record))
        if held.changed:
            record = _together(record, held.record)
        held.record, held.findings = record, findings


def _together(stored: PostureRecord, heard: PostureRecord) -> PostureRecord:
    """The stored record with what this process has heard since.

    When time may change something is not known of the two together: that is now.
    """
    if stored.key != heard.key:
        # The device was enrolled anew: what it says now counts, by whichever process heard it.
        later = max(stored, heard, key=lambda record: record.seen_at or 0.0)
        facts, key = later.facts, later.key
    else:
        facts, key = packed(merged(unpacked(stored.facts), unpacked(heard.facts))), heard.key
    return msgspec.structs.replace(
        stored,
        key=key,
        facts=facts,
        seen_at=max(stored.seen_at or 0.0, heard.seen_at or 0.0),
    )


async def write_postures(store: Store, postures: Postures) -> None:
    """Write what was heard. Raises what the store raises, and loses nothing.

    A device that another process wrote meanwhile waits for being looked at again instead.
    """
    devices = postures.unwritten()
    if not devices:
        return
    async with store.transaction() as transaction:
        table = transaction.devices.posture.records
        stored = await table.revisions(devices)
        writing: list[PostureRecord] = []
        for device in devices:
            held = postures.held.get(device)
            if held is None:  # It was forgotten meanwhile.
                continue
            if held.record.revision == stored.get(device, 0):
                writing.append(held.record)
            else:
                postures.waiting[device] = None
        pairs = [(record, next_revision(record)) for record in writing]
        await table.put([after for _, after in pairs])
    for before, after in pairs:
        postures.written(before, after)


def next_revision(record: PostureRecord) -> PostureRecord:
    """The record as it is written."""
    return msgspec.structs.replace(record, revision=record.revision + 1)
