"""What attestation keeps, and whom it trusts. Every adapter raises `DoorwardError` only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from doorward.model.ids import DeviceId, UnixSeconds


class AttestationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a device's TPM. Digests are lower-case hex SHA-256.

    `endorsement` is that of the endorsement key (SPKI, DER), which no other TPM has, and
    `certificate` that of the maker's certificate for it. `key` is the enrolled key's, which the
    attestation key `ak_public` (TPMT_PUBLIC) vouched for at `since`. `reference` are the registers
    (PCRs) that count as good, set at `reference_at` by `reference_by`; empty until there are any.
    `measured` are those of the last quote that held, at `measured_at`, with its counts. `refused`
    says why a quote since then did not hold; empty where none was refused.
    """

    device: DeviceId
    endorsement: str
    certificate: str
    ak_public: bytes
    key: str
    since: UnixSeconds
    reference: dict[int, str] = {}
    reference_by: str = ""
    reference_at: UnixSeconds = 0.0
    measured: dict[int, str] = {}
    measured_at: UnixSeconds = 0.0
    reset_count: int = 0
    restart_count: int = 0
    clock: int = 0
    refused: str = ""


class AttestationTable(Protocol):
    """Records of attestation, inside one transaction."""

    async def get(self, device: DeviceId) -> AttestationRecord | None: ...

    async def of_endorsement(self, endorsement: str) -> AttestationRecord | None:
        """The record of the TPM with this endorsement key; there is one at the most."""
        ...

    async def silent_since(self, moment: UnixSeconds) -> Sequence[DeviceId]:
        """Devices whose last quote that held is from `moment` or before, by id."""
        ...

    async def put(self, records: Sequence[AttestationRecord]) -> None:
        """Write these, in place of what there is of the same devices.

        Raises `store-conflict` where another device has the same endorsement key.
        """
        ...

    async def remove(self, device: DeviceId) -> bool:
        """Forget one; whether it was there."""
        ...


class TpmMakers(Protocol):
    """The makers of TPMs whose certificates are believed."""

    def vouch(self, certificate: bytes, at: UnixSeconds) -> bytes:
        """The endorsement key (SPKI, DER) that the certificate (DER) is for.

        Raises DoorwardError `attestation-refused` where no trusted maker says so at `at`.
        """
        ...
