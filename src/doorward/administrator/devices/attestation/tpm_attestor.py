"""What proves that a TPM of a trusted maker keeps a device's key (port `Attestor`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.attestation.challenge import (
    PendingAttestation,
    activated,
    challenge_for,
)
from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.administrator.devices.attestation.remember_tpm import remember_tpm
from doorward.administrator.fleet.attestation import TpmMakers
from doorward.administrator.ports import Secrets, Transaction
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from doorward.model.snapshot import Change
from doorward.protocol.agent import TpmChallenge, TpmEvidence


@dataclass(frozen=True, slots=True)
class TpmAttestor:
    """By the rules of this package. What is remembered is a `PendingAttestation` as JSON."""

    makers: TpmMakers
    secrets: Secrets

    def begin(
        self, evidence: TpmEvidence, public_key: bytes, now: UnixSeconds
    ) -> tuple[TpmChallenge, bytes]:
        challenge, pending = challenge_for(self.makers, self.secrets, evidence, public_key, now)
        return challenge, msgspec.json.encode(pending)

    def activated(self, remembered: bytes, secret: bytes) -> bool:
        try:
            activated(_pending(remembered), secret)
        except AttestationRefusedError:
            return False
        return True

    async def keep(
        self,
        transaction: Transaction,
        act: Act,
        device: DeviceId,
        owner: UserId,
        remembered: bytes,
    ) -> Sequence[Change]:
        return await remember_tpm(transaction, device, owner, _pending(remembered).tpm, act)


def _pending(remembered: bytes) -> PendingAttestation:
    return msgspec.json.decode(remembered, type=PendingAttestation)
