"""The credential by which a TPM proves that it holds the attestation key (Part 1, 24).

`challenge_for` makes it and says what to remember with the pending enrolment; `activated` takes
what the TPM found in it. A challenge is good as long as its enrolment is, and for that one alone.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.administrator.devices.attestation.verify_evidence import verify_evidence
from doorward.administrator.fleet.attestation import TpmMakers
from doorward.administrator.ports import Secrets
from doorward.model.ids import UnixSeconds
from doorward.protocol.agent import TpmChallenge, TpmEvidence
from doorward.protocol.tpm.credential import make_credential
from doorward.protocol.tpm.public_area import name_of


class AttestedTpm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TPM that proved itself, and keeps `key`. Fields as in `AttestationRecord`."""

    endorsement: str
    certificate: str
    ak_public: bytes
    key: str


class PendingAttestation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an enrolment remembers of its challenge: the hex SHA-256 of its secret."""

    secret: str
    tpm: AttestedTpm


def challenge_for(
    makers: TpmMakers,
    secrets: Secrets,
    evidence: TpmEvidence,
    public_key: bytes,
    at: UnixSeconds,
) -> tuple[TpmChallenge, PendingAttestation]:
    """A challenge to the TPM of this evidence, which holds for `public_key` (SPKI, DER).

    Raises DoorwardError `attestation-refused` and `tpm-data-malformed`.
    """
    verified = verify_evidence(makers, evidence, public_key, at)
    secret, seed = (hashlib.sha256(secrets.token().encode()).digest() for _ in range(2))
    credential = make_credential(verified.ek, name_of(verified.ak_public), secret, seed)
    tpm = AttestedTpm(
        endorsement=verified.endorsement,
        certificate=verified.certificate,
        ak_public=verified.ak_public,
        key=verified.key,
    )
    return (
        TpmChallenge(credential=credential.blob, secret=credential.secret),
        PendingAttestation(secret=hashlib.sha256(secret).hexdigest(), tpm=tpm),
    )


def activated(pending: PendingAttestation, secret: bytes) -> AttestedTpm:
    """The TPM that found `secret` in its challenge. Raises `attestation-refused`."""
    if not hmac.compare_digest(hashlib.sha256(secret).hexdigest(), pending.secret):
        raise AttestationRefusedError(
            "The TPM did not find the secret: it does not hold the attestation key."
        )
    return pending.tpm
