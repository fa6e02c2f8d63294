"""The tables of devices, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.fleet.ports import DeviceRecord
from doorward.model.ids import DeviceId
from tests.fakes.posture import MemoryPosture, PostureState


@dataclass
class DeviceState:
    """What the tables hold; copied for each transaction."""

    records: dict[str, DeviceRecord] = field(default_factory=dict)
    posture: PostureState = field(default_factory=PostureState)

    def __copy__(self) -> DeviceState:
        return DeviceState(dict(self.records), copy(self.posture))


class MemoryDeviceRecords:
    """Port `DeviceRecordTable` in memory."""

    def __init__(self, items: dict[str, DeviceRecord]) -> None:
        self._items = items

    async def get(self, device: DeviceId) -> DeviceRecord | None:
        return self._items.get(device)

    async def all(self) -> Sequence[DeviceRecord]:
        return [self._items[name] for name in sorted(self._items)]

    async def of(self, devices: Sequence[DeviceId]) -> Sequence[DeviceRecord]:
        return [self._items[device] for device in devices if device in self._items]

    async def put(self, records: Sequence[DeviceRecord]) -> None:
        self._items.update({item.id: item for item in records})

    async def heard(self, records: Sequence[DeviceRecord]) -> None:
        for item in records:
            there = self._items.get(item.id)
            if there and there.public_key == item.public_key and there.counter < item.counter:
                self._items[item.id] = msgspec.structs.replace(
                    there,
                    counter=item.counter,
                    digest=item.digest,
                    last_seen_at=item.last_seen_at,
                )

    async def remove(self, device: DeviceId) -> bool:
        return self._items.pop(device, None) is not None


class MemoryDevices:
    """Port `DeviceTables` in memory."""

    def __init__(self, state: DeviceState) -> None:
        self.records = MemoryDeviceRecords(state.records)
        self.posture = MemoryPosture(state.posture)
