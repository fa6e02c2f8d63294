"""What is kept of devices' health beside the snapshot.

Every adapter raises `DoorwardError` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from doorward.administrator.fleet.health import (
    CheckCount,
    FleetSample,
    HealthChange,
    PolicyCount,
    SilentDevice,
    State,
)
from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds
from doorward.model.posture import FactName


class PostureRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a device said, and what those who run doorward say of its health.

    `facts` are packed (`fleet/known.py`), and count only under the enrolled key `key`. `due_at`
    is when time alone may change a conclusion, None for never. `said` is the operator's word,
    None for nothing, and `said_why` its reason. `revision` grows by one with each write.
    """

    device: DeviceId
    revision: int = 0
    key: str = ""
    facts: bytes = b"[]"
    seen_at: UnixSeconds | None = None
    due_at: UnixSeconds | None = None
    said: bool | None = None
    said_why: str = ""


class FindingRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a device stands with the checks of `policy` on `fact`, where it did not always pass.

    `since` is when it came to this state. `failed_at` is when the grace began to run, None where
    it does not; `passed_at` is since when the checks are passed again while it runs.
    """

    policy: ComplianceId
    fact: FactName
    state: State | Literal["passing"]
    since: UnixSeconds
    failed_at: UnixSeconds | None = None
    passed_at: UnixSeconds | None = None


class PostureTable(Protocol):
    """One record for each device that said something, or of which something was said."""

    async def revisions(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, int]: ...

    async def of(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, PostureRecord]: ...

    async def put(self, records: Sequence[PostureRecord]) -> None:
        """Write these, in place of what there is of the same devices."""
        ...

    async def remove(self, devices: Sequence[DeviceId]) -> None:
        """Forget these, and what they do not pass."""
        ...

    async def due(self, now: UnixSeconds, limit: int) -> Sequence[DeviceId]:
        """Those whose `due_at` has come, the oldest first."""
        ...

    async def silent(self, moment: UnixSeconds) -> Sequence[SilentDevice]:
        """Those that have said nothing since then, the longest silent first."""
        ...


class FindingTable(Protocol):
    """The checks that devices do not pass, or whose grace runs."""

    async def of(self, devices: Sequence[DeviceId]) -> Mapping[DeviceId, tuple[FindingRecord, ...]]:
        """By policy and fact; devices without any are left out."""
        ...

    async def replace(self, findings: Mapping[DeviceId, Sequence[FindingRecord]]) -> None:
        """Of each device these, and no others."""
        ...

    async def counts(self) -> Sequence[CheckCount]:
        """How many devices do not pass what, the most first."""
        ...

    async def devices(self, policy: ComplianceId, fact: FactName) -> Sequence[DeviceId]:
        """Those that do not pass the checks of `policy` on `fact`, by id."""
        ...

    async def policy_counts(self) -> Sequence[PolicyCount]:
        """How many devices stand how with each policy, by policy and state."""
        ...


class HealthHistoryTable(Protocol):
    """How health changed: of each device, and of the fleet at moments."""

    async def add(self, changes: Sequence[HealthChange]) -> None: ...

    async def of(self, device: DeviceId, limit: int) -> Sequence[HealthChange]:
        """The newest first."""
        ...

    async def add_sample(self, sample: FleetSample) -> None:
        """Keep it, unless there is one of that moment."""
        ...

    async def samples(self, since: UnixSeconds) -> Sequence[FleetSample]:
        """The oldest first."""
        ...

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        """Forget what is older, `limit` changes and samples at most; how many there were."""
        ...


class PostureTables(Protocol):
    """The tables of devices' health."""

    @property
    def records(self) -> PostureTable: ...
    @property
    def findings(self) -> FindingTable: ...
    @property
    def history(self) -> HealthHistoryTable: ...
