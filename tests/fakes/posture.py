"""The tables of devices' health, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from doorward.administrator.fleet.health import (
    CheckCount,
    FleetSample,
    HealthChange,
    PolicyCount,
    SilentDevice,
    State,
)
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds
from doorward.model.posture import FactName

_STATES: tuple[State, ...] = ("grace", "unknown", "failing")


@dataclass
class PostureState:
    """What the tables hold; copied for each transaction."""

    records: dict[DeviceId, PostureRecord] = field(default_factory=dict)
    findings: dict[DeviceId, tuple[FindingRecord, ...]] = field(default_factory=dict)
    changes: list[HealthChange] = field(default_factory=list)
    samples: dict[UnixSeconds, FleetSample] = field(default_factory=dict)

    def __copy__(self) -> PostureState:
        return PostureState(
            dict(self.records), dict(self.findings), list(self.changes), dict(self.samples)
        )


class MemoryPostureRecords:
    """Port `PostureTable` in memory."""

    def __init__(self, state: PostureState) -> None:
        self._state = state

    async def revisions(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, int]:
        return {name: item.revision for name, item in (await self.of(devices)).items()}

    async def of(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, PostureRecord]:
        records = self._state.records
        return {device: records[device] for device in devices if device in records}

    async def put(self, records: Sequence[PostureRecord]) -> None:
        self._state.records.update({item.device: item for item in records})

    async def remove(self, devices: Sequence[DeviceId]) -> None:
        for device in devices:
            self._state.records.pop(device, None)
            self._state.findings.pop(device, None)
        gone = set(devices)
        self._state.changes = [item for item in self._state.changes if item.device not in gone]

    async def due(self, now: UnixSeconds, limit: int) -> Sequence[DeviceId]:
        due = [
            (item.due_at, item.device)
            for item in self._state.records.values()
            if item.due_at is not None and item.due_at <= now
        ]
        return [device for _, device in sorted(due)[:limit]]

    async def silent(self, moment: UnixSeconds) -> Sequence[SilentDevice]:
        found = [
            (item.seen_at, item.device)
            for item in self._state.records.values()
            if item.seen_at is not None and item.seen_at <= moment
        ]
        return [SilentDevice(device=device, last_seen_at=at) for at, device in sorted(found)]


class MemoryFindings:
    """Port `FindingTable` in memory."""

    def __init__(self, state: PostureState) -> None:
        self._state = state

    async def of(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, tuple[FindingRecord, ...]]:
        found = self._state.findings
        return {device: found[device] for device in devices if device in found}

    async def replace(self, findings: Mapping[DeviceId, Sequence[FindingRecord]]) -> None:
        for device, items in findings.items():
            self._state.findings.pop(device, None)
            if items:
                ordered = sorted(items, key=lambda item: (item.policy, item.fact))
                self._state.findings[device] = tuple(ordered)

    async def counts(self) -> Sequence[CheckCount]:
        counted = Counter(
            (item.policy, item.fact, item.state)
            for items in self._state.findings.values()
            for item in items
        )
        rows = sorted((-number, *place) for place, number in counted.items())
        return [
            CheckCount(policy=policy, fact=fact, state=state, devices=-number)
            for number, policy, fact, state in rows
            if state != "passing"
        ]

    async def devices(self, policy: ComplianceId, fact: FactName) -> Sequence[DeviceId]:
        return sorted(
            device
            for device, items in self._state.findings.items()
            if any(
                (item.policy, item.fact) == (policy, fact) and item.state != "passing"
                for item in items
            )
        )

    async def policy_counts(self) -> Sequence[PolicyCount]:
        worst: dict[tuple[DeviceId, ComplianceId], int] = {}
        for device, items in self._state.findings.items():
            for item in items:
                if item.state != "passing":
                    place = device, item.policy
                    worst[place] = max(worst.get(place, 0), _STATES.index(item.state))
        counted = Counter((policy, rank) for (_, policy), rank in worst.items())
        return [
            PolicyCount(policy=policy, state=_STATES[rank], devices=number)
            for (policy, rank), number in sorted(counted.items())
        ]


class MemoryHealthHistory:
    """Port `HealthHistoryTable` in memory."""

    def __init__(self, state: PostureState) -> None:
        self._state = state

    async def add(self, changes: Sequence[HealthChange]) -> None:
        self._state.changes.extend(changes)

    async def of(self, device: DeviceId, limit: int) -> Sequence[HealthChange]:
        found = [item for item in reversed(self._state.changes) if item.device == device]
        return found[:limit]

    async def add_sample(self, sample: FleetSample) -> None:
        self._state.samples.setdefault(sample.at, sample)

    async def samples(self, since: UnixSeconds) -> Sequence[FleetSample]:
        return [self._state.samples[at] for at in sorted(self._state.samples) if at >= since]

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        changes, samples = self._state.changes, self._state.samples
        old = sorted((item for item in changes if item.at < moment), key=lambda item: item.at)
        gone = old[:limit]
        early = [at for at in sorted(samples) if at < moment][:limit]
        self._state.changes = [item for item in changes if item not in gone]
        for at in early:
            del samples[at]
        return len(gone) + len(early)


class MemoryPosture:
    """Port `PostureTables` in memory."""

    def __init__(self, state: PostureState) -> None:
        self.records = MemoryPostureRecords(state)
        self.findings = MemoryFindings(state)
        self.history = MemoryHealthHistory(state)
