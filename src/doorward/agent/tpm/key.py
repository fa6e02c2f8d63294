"""The device's key in its TPM, with the attestation key that vouches for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self

import msgspec

from doorward.agent.tpm.commands import ENDORSEMENT, OWNER, Tpm
from doorward.agent.tpm.response import TpmRefusedError
from doorward.agent.tpm.templates import ENDORSEMENTS, attestation_key, device_key
from doorward.agent.tpm.transport import DEVICE, connected
from doorward.errors import DoorwardError
from doorward.protocol.agent import Quote, TpmChallenge, TpmEvidence
from doorward.protocol.tpm.attest import Quoted, digest_of, parse_attest
from doorward.protocol.tpm.binding import enrolled_data
from doorward.protocol.tpm.constants import PCRS
from doorward.protocol.tpm.public_area import parse_public, spki
from doorward.protocol.tpm.signature import EcdsaSignature, parse_signature

_PERSISTENT = range(0x81008D00, 0x81008D40)
_QUOTE_TRIES = 3


class TpmState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a TPM keeps the two keys, and their TPMT_PUBLICs. None of it is a secret."""

    key: int
    key_public: bytes
    attestation: int
    attestation_public: bytes


class TpmKey:
    """Port `TpmDeviceKey`: the key that `state` describes, in the TPM at `path`."""

    storage: Literal["tpm"] = "tpm"

    def __init__(self, state: TpmState, path: Path = DEVICE) -> None:
        self.state = state
        self.public_der = spki(parse_public(state.key_public))
        self._path = path

    @classmethod
    def create(cls, path: Path = DEVICE) -> Self:
        """A new key and a new attestation key, which the TPM keeps until `forget`.

        Raises `tpm-missing`, `tpm-failed`.
        """
        with connected(path) as exchange:
            tpm = Tpm(exchange)
            attestation, attestation_public = _made(tpm, ENDORSEMENT, attestation_key)
            try:
                key, key_public = _made(tpm, OWNER, device_key)
            except DoorwardError:
                tpm.forget(attestation)
                raise
        state = TpmState(
            key=key,
            key_public=key_public,
            attestation=attestation,
            attestation_public=attestation_public,
        )
        return cls(state, path)

    def sign(self, message: bytes) -> bytes:
        """An ECDSA signature over SHA-256 of `message`, in DER. Raises `tpm-failed`."""
        with connected(self._path) as exchange:
            signature = Tpm(exchange).sign(self.state.key, hashlib.sha256(message).digest())
        found = parse_signature(signature)
        if not isinstance(found, EcdsaSignature):
            raise _gone()
        return found.der

    def evidence(self) -> TpmEvidence:
        """What the TPM says of itself and of the key.

        Raises `tpm-uncertified` where its maker left no certificate in it.
        """
        with self._own() as tpm:
            certificate, template = _endorsement(tpm)
            with _transient(tpm, ENDORSEMENT, template) as (_, ek_public):
                pass
            certify, signature = tpm.certify(
                self.state.key, self.state.attestation, enrolled_data(self.public_der)
            )
        return TpmEvidence(
            ek_certificate=certificate,
            ek_public=ek_public,
            ak_public=self.state.attestation_public,
            key_public=self.state.key_public,
            key_certify=certify,
            key_signature=signature,
        )

    def activate(self, challenge: TpmChallenge) -> bytes:
        """What the TPM finds in the credential; `tpm-failed` where it is for another."""
        with self._own() as tpm:
            _, template = _endorsement(tpm)
            with _transient(tpm, ENDORSEMENT, template) as (endorsement, _):
                return tpm.activate(
                    self.state.attestation, endorsement, challenge.credential, challenge.secret
                )

    def quote(self, data: bytes) -> Quote:
        """A quote of PCRs 0 to 7 with `data` (at most 32 bytes) as extraData."""
        with self._own() as tpm:
            for _ in range(_QUOTE_TRIES):
                attest, signature = tpm.quote(self.state.attestation, data, PCRS)
                pcrs = tpm.read_pcrs(PCRS)
                says = parse_attest(attest).says
                # Something may have been measured between the quote and the reading.
                if isinstance(says, Quoted) and says.digest == digest_of(pcrs):
                    return Quote(attest=attest, signature=signature, pcrs=pcrs)
        raise DoorwardError(
            "tpm-failed", "The TPM's registers change all the time.", "Try again later."
        )

    def forget(self) -> None:
        """Have the TPM let go of both keys, for good."""
        with connected(self._path) as exchange:
            for handle in (self.state.key, self.state.attestation):
                Tpm(exchange).forget(handle)

    @contextmanager
    def _own(self) -> Iterator[Tpm]:
        """The TPM, which still keeps these very keys."""
        with connected(self._path) as exchange:
            tpm = Tpm(exchange)
            kept = (
                (self.state.key, self.state.key_public),
                (self.state.attestation, self.state.attestation_public),
            )
            if any(tpm.read_public(handle) != public for handle, public in kept):
                raise _gone()
            yield tpm


def _made(tpm: Tpm, hierarchy: int, template: Callable[[bytes], bytes]) -> tuple[int, bytes]:
    with _transient(tpm, hierarchy, template(os.urandom(32))) as (handle, public):
        used = tpm.handles(_PERSISTENT.start)
        free = next((place for place in _PERSISTENT if place not in used), None)
        if free is None:
            raise DoorwardError(
                "tpm-failed",
                "The TPM keeps too many keys of earlier enrolments.",
                "Remove those from 0x81008D00 on with tpm2_evictcontrol.",
            )
        tpm.persist(handle, free)
    return free, public


@contextmanager
def _transient(tpm: Tpm, hierarchy: int, template: bytes) -> Iterator[tuple[int, bytes]]:
    handle, public = tpm.create_primary(hierarchy, template)
    try:
        yield handle, public
    finally:
        with suppress(TpmRefusedError):
            tpm.flush(handle)


def _endorsement(tpm: Tpm) -> tuple[bytes, bytes]:
    """The certificate in the TPM and the template of the key that it is for."""
    for kind in ENDORSEMENTS:
        certificate = tpm.read_nv(kind.certificate_index)
        if certificate:
            return _unpadded(certificate), kind.template
    raise DoorwardError(
        "tpm-uncertified",
        "The TPM's maker left no certificate in it, so it can prove nothing.",
        "Enrol without attestation; the key stays in the TPM.",
    )


def _unpadded(certificate: bytes) -> bytes:
    """The DER alone: an NV index may be longer than what was written to it."""
    long_form = b"\x30\x82"
    if certificate[:2] != long_form:
        return certificate
    return certificate[: 4 + int.from_bytes(certificate[2:4], "big")]


def _gone() -> DoorwardError:
    return DoorwardError(
        "tpm-failed", "The TPM no longer keeps this device's keys.", "Enrol the device again."
    )
