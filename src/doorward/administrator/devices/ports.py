"""What is kept of devices beside the snapshot. Every adapter raises `DoorwardError` only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from doorward.administrator.devices.attestation.ports import AttestationTable
from doorward.model.ids import DeviceId, UnixSeconds

KeyStorage = Literal["software", "tpm"]


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment. `public_key` (SPKI, DER) verifies what the device signs.

    `counter` and `digest` (hex SHA-256) are those of the last message that was accepted. `said` is
    what those who run doorward say of the device's health, None for nothing.
    """

    id: DeviceId
    public_key: bytes
    storage: KeyStorage
    enrolled_at: UnixSeconds
    counter: int = 0
    digest: str = ""
    last_seen_at: UnixSeconds | None = None
    said: bool | None = None


class DeviceRecordTable(Protocol):
    """Enrolments, inside one transaction."""

    async def get(self, device: DeviceId) -> DeviceRecord | None: ...

    async def all(self) -> Sequence[DeviceRecord]:
        """Every record, by id."""
        ...

    async def put(self, records: Sequence[DeviceRecord]) -> None:
        """Write these, in place of what there is of the same devices."""
        ...

    async def remove(self, device: DeviceId) -> bool:
        """Forget one; whether it was there."""
        ...


class DeviceTables(Protocol):
    """All tables of devices."""

    @property
    def records(self) -> DeviceRecordTable: ...
    @property
    def attestations(self) -> AttestationTable: ...
