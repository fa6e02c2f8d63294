"""What is kept of devices beside the snapshot. Every adapter raises `DoorwardError` only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from doorward.administrator.fleet.posture_ports import PostureTables
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.spiffe import SpiffeId

KeyStorage = Literal["software", "tpm"]


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment. `public_key` (SPKI, DER) verifies what the device signs.

    `counter` and `digest` (hex SHA-256) are those of the last message that was accepted.
    """

    id: DeviceId
    public_key: bytes
    storage: KeyStorage
    enrolled_at: UnixSeconds
    counter: int = 0
    digest: str = ""
    last_seen_at: UnixSeconds | None = None


class IssuedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its issuer's, both DER, and when it ends."""

    certificate: bytes
    authority: bytes
    ends_at: UnixSeconds


class DeviceAuthority(Protocol):
    """The device CA. Its client certificates name what holds the key by one SPIFFE ID."""

    def issue(
        self, csr: bytes, spiffe_id: SpiffeId, at: UnixSeconds, seconds: float
    ) -> IssuedCertificate:
        """A certificate for the key that signed `csr` (PKCS #10, DER); nothing else of it counts.

        Raises DoorwardError `csr-malformed` where it is none, its signature is wrong or its key
        is not on P-256.
        """
        ...


class Nonces(Protocol):
    """Nonces that need no memory: each is for one device and one counter, and soon stale."""

    def nonce(self, device: DeviceId, counter: int, now: UnixSeconds) -> str: ...

    def hold(self, nonce: str, device: DeviceId, counter: int, now: UnixSeconds) -> bool:
        """Whether `nonce` was given for that message, not long ago."""
        ...


class DeviceRecordTable(Protocol):
    """Enrolments, inside one transaction."""

    async def get(self, device: DeviceId) -> DeviceRecord | None: ...

    async def all(self) -> Sequence[DeviceRecord]:
        """Every record, by id."""
        ...

    async def of(self, devices: Sequence[DeviceId]) -> Sequence[DeviceRecord]:
        """The records of these, at most 500, in no order; who has none is left out."""
        ...

    async def put(self, records: Sequence[DeviceRecord]) -> None:
        """Write these, in place of what there is of the same devices."""
        ...

    async def heard(self, records: Sequence[DeviceRecord]) -> None:
        """Write counter, digest and time of these where the record is there, and behind them."""
        ...

    async def remove(self, device: DeviceId) -> bool:
        """Forget one; whether it was there."""
        ...


class DeviceTables(Protocol):
    """All tables of devices."""

    @property
    def records(self) -> DeviceRecordTable: ...
    @property
    def posture(self) -> PostureTables: ...
