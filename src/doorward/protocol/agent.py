"""Messages between the agent on a device and the control plane, and what of them is signed.

Every message that an agent sends is signed with the device's enrolled key (ECDSA on P-256 with
SHA-256, DER): the header `SIGNATURE_HEADER` holds the signature over `signed_bytes`, in base64url
without padding. Messages of an enrolled device hold a counter, which only grows, and the nonce
that control gave for it: a recorded message is worth nothing a second time, and two devices with
one key are noticed. Bodies are JSON; bytes in them are base64.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from doorward.model.device import Platform
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact

VERSION: Final = 1
PREFIX: Final = "/agent/v1"
ENROLMENTS: Final = f"{PREFIX}/enrolments"
"""POST `EnrolmentRequest`; POST `EnrolmentPoll` to `ENROLMENTS/ID` until it is approved."""
DEVICES: Final = f"{PREFIX}/devices"
"""Below it `ID/nonce`, `ID/certificate`, `ID/reports`, `ID/workloads`: POST, see the structs."""
SIGNATURE_HEADER: Final = "device-signature"
"""Not below `doorward-`: those are the gateway's own, and Envoy drops what clients send of them."""
MAX_BODY_BYTES: Final = 256 * 1024


class TpmEvidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a TPM says of itself and of the key that it keeps (TPM 2.0 Part 2 structures).

    `ek_certificate` is DER. `ak_public` is the TPMT_PUBLIC of the attestation key; the enrolled
    key is another one of the same TPM: `key_public` its TPMT_PUBLIC, `key_certify` the
    TPMS_ATTEST by which the attestation key vouches for it, `key_signature` the TPMT_SIGNATURE.
    """

    ek_certificate: bytes
    ek_public: bytes
    ak_public: bytes
    key_public: bytes
    key_certify: bytes
    key_signature: bytes


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device asks to be enrolled. `public_key` is SPKI in DER, and signs this message.

    With `code`, from whoever runs doorward, no person has to approve it.
    """

    name: str
    platform: Platform
    agent_version: str
    public_key: bytes
    code: str = ""
    tpm: TpmEvidence | None = None


class TpmChallenge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credential that only the TPM with that endorsement key can activate (Part 1, 24).

    `credential` is its TPM2B_ID_OBJECT and `secret` its TPM2B_ENCRYPTED_SECRET.
    """

    credential: bytes
    secret: bytes


class EnrolmentStarted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner types `user_code` at `url`, signed in; the agent asks again every `interval`."""

    enrolment: str
    user_code: str
    url: str
    expires_at: UnixSeconds
    interval_seconds: float
    challenge: TpmChallenge | None = None


class EnrolmentPoll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks how an enrolment stands. `activated` is what the TPM found in the challenge."""

    activated: bytes = b""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device's name from now on, and the nonce for its first message (`counter` 1)."""

    device: DeviceId
    trust_domain: str
    nonce: str


class Pending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nobody has approved it yet: an answer with status 202."""

    interval_seconds: float


class CertificateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for a certificate for a new key, which signed `csr` (PKCS #10, DER)."""

    counter: int
    nonce: str
    csr: bytes


class WorkloadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As `CertificateRequest`, for `service`, which runs on this device."""

    counter: int
    nonce: str
    service: str
    csr: bytes


class Issued(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate (DER) with its issuer's, and when to ask for the next one."""

    certificate: bytes
    authority: bytes
    ends_at: UnixSeconds
    renew_at: UnixSeconds
    nonce: str


class Quote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TPM2_Quote: TPMS_ATTEST, TPMT_SIGNATURE, and the SHA-256 PCRs it speaks of, by number."""

    attest: bytes
    signature: bytes
    pcrs: dict[int, bytes]


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The facts that an agent found. A quote's extraData is `quoted_data` of this report."""

    counter: int
    nonce: str
    at: UnixSeconds
    platform: Platform
    facts: tuple[Fact, ...]
    quote: Quote | None = None


class Failing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check that the device does not pass, for its person. `until` ends the grace, 0 for none.

    `advice` says that the policy is report-only: the device counts as healthy all the same.
    """

    policy: str
    fact: str
    words: str
    link: str
    until: UnixSeconds
    advice: bool = False


class Taken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report was taken: the nonce for the next message, and when it is due."""

    nonce: str
    next_in_seconds: float
    failing: tuple[Failing, ...] = ()


class NonceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent that lost its nonce asks for one; it says where its counter stands, and when."""

    counter: int
    at: UnixSeconds


class NonceGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The nonce for a message with the counter that was said, plus one."""

    nonce: str


def signed_bytes(path: str, body: bytes) -> bytes:
    """What an agent signs of a message with `body` to `path`."""
    return b"doorward agent 1\n" + path.encode() + b"\n" + body


def signature_text(signature: bytes) -> str:
    """A signature as `SIGNATURE_HEADER` carries it."""
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def signature_holds(public_key: bytes, signature: str, path: str, body: bytes) -> bool:
    """Whether the holder of the key (SPKI, DER) signed; False for whatever is malformed."""
    try:
        raw = base64.b64decode(signature + "=" * (-len(signature) % 4), b"-_", validate=True)
        key = serialization.load_der_public_key(public_key)
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            return False
        key.verify(raw, signed_bytes(path, body), ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True
