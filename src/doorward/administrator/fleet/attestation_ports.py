"""What proves that a TPM keeps a device's key."""

from __future__ import annotations

from typing import Protocol

from doorward.administrator.fleet.ports import DeviceTables
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.agent import TpmChallenge, TpmEvidence


class Attestor(Protocol):
    """Judges whether a TPM of a trusted maker keeps a key (TPM 2.0 Part 1, 24)."""

    def begin(
        self, evidence: TpmEvidence, public_key: bytes, now: UnixSeconds
    ) -> tuple[TpmChallenge, bytes]:
        """A challenge for that TPM, and what the two below need of it, which is never empty.

        Raises DoorwardError `attestation-failed` where the evidence does not hold for the key.
        """
        ...

    def activated(self, remembered: bytes, secret: bytes) -> bool:
        """Whether `secret` is what the TPM had to find in the challenge."""
        ...

    async def keep(self, tables: DeviceTables, device: DeviceId, remembered: bytes) -> None:
        """Write down, in the enrolment's transaction, by what later quotes are judged."""
        ...
