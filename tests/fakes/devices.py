"""The tables of devices, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.fleet.enrolment_ports import Enrolment
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from tests.fakes.device_attestation import MemoryAttestations
from tests.fakes.osquery import MemoryOsquery, OsqueryState
from tests.fakes.posture import MemoryPosture, PostureState


@dataclass
class DeviceState:
    """What the tables hold; copied for each transaction."""

    records: dict[str, DeviceRecord] = field(default_factory=dict)
    attestations: dict[str, AttestationRecord] = field(default_factory=dict)
    osquery: OsqueryState = field(default_factory=OsqueryState)
    posture: PostureState = field(default_factory=PostureState)
    enrolments: dict[str, Enrolment] = field(default_factory=dict)

    def __copy__(self) -> DeviceState:
        return DeviceState(
            dict(self.records),
            dict(self.attestations),
            copy(self.osquery),
            copy(self.posture),
            dict(self.enrolments),
        )


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


class MemoryEnrolments:
    """Port `EnrolmentTable` in memory."""

    def __init__(self, items: dict[str, Enrolment]) -> None:
        self._items = items

    async def put(self, enrolment: Enrolment) -> None:
        same = [item.id for item in self._items.values() if item.public_key == enrolment.public_key]
        for item in same:
            del self._items[item]
        self._items[enrolment.id] = enrolment

    async def get(self, enrolment_id: str) -> Enrolment | None:
        return self._items.get(enrolment_id)

    async def of_code(self, code_hash: str, now: UnixSeconds) -> Enrolment | None:
        waiting = (item for item in self._items.values() if item.state == "waiting")
        live = (item for item in waiting if item.expires_at > now)
        return next((item for item in live if item.code_hash == code_hash), None)

    async def claimed_by(self, user: UserId, now: UnixSeconds) -> Sequence[Enrolment]:
        own = [
            item
            for item in self._items.values()
            if item.user == user and item.state == "claimed" and item.expires_at > now
        ]
        return sorted(own, key=lambda item: (item.asked_at, item.id))

    async def remove_of(self, user: UserId) -> int:
        found = [key for key, item in self._items.items() if item.user == user]
        for key in found:
            del self._items[key]
        return len(found)

    async def sweep(self, now: UnixSeconds) -> None:
        for key in [key for key, item in self._items.items() if item.expires_at <= now]:
            del self._items[key]


class MemoryDevices:
    """Port `DeviceTables` in memory."""

    def __init__(self, state: DeviceState) -> None:
        self.records = MemoryDeviceRecords(state.records)
        self.attestations = MemoryAttestations(state.attestations)
        self.osquery = MemoryOsquery(state.osquery)
        self.posture = MemoryPosture(state.posture)
        self.enrolments = MemoryEnrolments(state.enrolments)
