"""What proves that a TPM keeps a device's key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from doorward.model.snapshot import Change
from doorward.protocol.agent import TpmChallenge, TpmEvidence


class Attestor(Protocol):
    """Judges whether a TPM of a trusted maker keeps a key (TPM 2.0 Part 1, 24)."""

    def begin(
        self, evidence: TpmEvidence, public_key: bytes, now: UnixSeconds
    ) -> tuple[TpmChallenge, bytes]:
        """A challenge for that TPM, and what the two below need of it, which is never empty.

        Raises DoorwardError where the evidence does not hold for the key.
        """
        ...

    def activated(self, remembered: bytes, secret: bytes) -> bool:
        """Whether `secret` is what the TPM had to find in the challenge."""
        ...

    async def keep(
        self,
        transaction: Transaction,
        act: Act,
        device: DeviceId,
        owner: UserId,
        remembered: bytes,
    ) -> Sequence[Change]:
        """Write down by what later quotes of `device` are judged; what to publish with it.

        Raises DoorwardError where the TPM is that of another person's device.
        """
        ...
