"""The roll: which devices speak to this process, and what each said last.

It is in memory, and written to the store by `keep_roll` in one transaction for many devices: a
transaction for each message would cost more than everything else about it. What is lost with the
process is a second of counters, and the nonces bound what that second is worth to a replay.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
from msgspec import UNSET

from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.ports import Store
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.snapshot import Change, decode

_AT_ONCE = 500
REMEMBERED = 16
"""So many of a device's latest messages are told from a second message with their counter."""


MESSAGES_AT_ONCE = 120
MESSAGES_A_SECOND = 1.0


@dataclass(slots=True)
class Known:
    """A device's record as it stands now, and the digests of its latest messages by counter.

    `left` messages more were admitted at `admitted_at`.
    """

    record: DeviceRecord
    latest: OrderedDict[int, str] = field(default_factory=OrderedDict)
    left: float = MESSAGES_AT_ONCE
    admitted_at: UnixSeconds = 0

    def admit(self, now: UnixSeconds) -> bool:
        """Whether one more message is not too many: each may cost everybody a new snapshot."""
        gained = max(now - self.admitted_at, 0.0) * MESSAGES_A_SECOND
        self.left = min(self.left + gained, MESSAGES_AT_ONCE)
        self.admitted_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Roll:
    """The devices that this process has heard of."""

    def __init__(self) -> None:
        self._known: dict[DeviceId, Known] = {}
        self._changed: set[DeviceId] = set()
        self._strangers: set[DeviceId] = set()
        self._reading: asyncio.Task[None] | None = None

    async def of(self, store: Store, device: DeviceId) -> Known | None:
        """What is known of `device`; None where it is not enrolled.

        After a start all devices are strangers: those that ask together are read together.
        """
        known = self._known.get(device)
        if known is not None:
            return known
        self._strangers.add(device)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(store))
        await asyncio.shield(self._reading)
        return self._known.get(device)

    async def _read(self, store: Store) -> None:
        """Read the records of all who were asked for by the time that the store has a turn."""
        try:
            async with store.transaction() as transaction:
                devices = list(self._strangers)
                self._strangers, self._reading = set(), None
                for start in range(0, len(devices), _AT_ONCE):
                    some = devices[start : start + _AT_ONCE]
                    for record in await transaction.devices.records.of(some):
                        self._known.setdefault(record.id, _known(record))
        finally:
            if self._reading is asyncio.current_task():
                self._strangers, self._reading = set(), None

    async def refresh(self, store: Store, device: DeviceId) -> bool:
        """Take over what other control processes heard of `device`, or wrote of its key.

        Whether all that was heard can be of one device: False where two processes heard two
        messages with one counter, which two devices with one key sent.
        """
        known = self._known.get(device)
        if known is None:
            return True
        async with store.transaction() as transaction:
            record = await transaction.devices.records.get(device)
        if record is None or record.public_key != known.record.public_key:
            self.forget(device)
            return True
        told = known.latest.get(record.counter, record.digest)
        if record.counter > known.record.counter:
            known.record = record
            known.latest[record.counter] = record.digest
        return told == record.digest

    def follow(self, changes: Iterable[Change]) -> None:
        """Forget devices that are gone, or were enrolled with another key."""
        for item in changes:
            known = self._known.get(DeviceId(item.id)) if item.kind == "device" else None
            if known is None:
                continue
            document = None if item.body is UNSET else decode("device", item.body)
            key = sha256(known.record.public_key).hexdigest()
            if not isinstance(document, Device) or document.key != key:
                self.forget(known.record.id)

    def heard(self, known: Known, counter: int, digest: str, now: UnixSeconds) -> None:
        """Note a message that was accepted."""
        known.record = msgspec.structs.replace(
            known.record, counter=counter, digest=digest, last_seen_at=now
        )
        known.latest[counter] = digest
        while len(known.latest) > REMEMBERED:
            known.latest.popitem(last=False)
        self._changed.add(known.record.id)

    def forget(self, device: DeviceId) -> None:
        """Read the device's record anew, next time: it was written or removed by somebody."""
        self._known.pop(device, None)
        self._changed.discard(device)

    def unwritten(self) -> list[DeviceRecord]:
        """The records that changed since the last time that this was asked."""
        changed = [self._known[device].record for device in self._changed]
        self._changed.clear()
        return changed

    def not_written(self, records: list[DeviceRecord]) -> None:
        """The store refused these: they are due again."""
        self._changed.update(record.id for record in records if record.id in self._known)


def _known(record: DeviceRecord) -> Known:
    latest = OrderedDict({record.counter: record.digest} if record.digest else {})
    return Known(record, latest)


async def write_roll(store: Store, roll: Roll) -> int:
    """Write what changed; how many devices. Raises what the store raises, and loses nothing.

    A record that somebody else changed or removed meanwhile keeps their word: only counter,
    digest and time are this process's to say.
    """
    records = roll.unwritten()
    if not records:
        return 0
    try:
        async with store.transaction() as transaction:
            await transaction.devices.records.heard(records)
    except BaseException:
        roll.not_written(records)
        raise
    return len(records)
