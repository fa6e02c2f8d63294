"""TPMT_SIGNATURE: ECDSA or RSASSA with SHA-256 (Part 2, 11.3.4)."""

from __future__ import annotations

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from doorward.protocol.tpm.constants import Algorithm
from doorward.protocol.tpm.public_area import PublicArea, load
from doorward.protocol.tpm.wire import Reader, TpmDataError

_NUMBER_BYTES = 32
_RSA_BYTES = 256


class EcdsaSignature(msgspec.Struct, frozen=True, kw_only=True):
    """The two numbers of an ECDSA signature."""

    r: int
    s: int

    @property
    def der(self) -> bytes:
        """The signature as most programs write it."""
        return encode_dss_signature(self.r, self.s)


class RsaSignature(msgspec.Struct, frozen=True, kw_only=True):
    """An RSASSA-PKCS1-v1_5 signature."""

    value: bytes


def parse_signature(data: bytes) -> EcdsaSignature | RsaSignature:
    """The signature of a TPMT_SIGNATURE. Raises TpmDataError, also for other algorithms."""
    reader = Reader(data)
    algorithm, digest = reader.number(2), reader.number(2)
    if digest != Algorithm.SHA256:
        raise TpmDataError("A signature is not over SHA-256.")
    if algorithm == Algorithm.ECDSA:
        r, s = reader.sized(_NUMBER_BYTES), reader.sized(_NUMBER_BYTES)
        found: EcdsaSignature | RsaSignature = EcdsaSignature(
            r=int.from_bytes(r, "big"), s=int.from_bytes(s, "big")
        )
    elif algorithm == Algorithm.RSASSA:
        found = RsaSignature(value=reader.sized(_RSA_BYTES))
    else:
        raise TpmDataError("A signature is neither ECDSA nor RSASSA.")
    reader.end()
    return found


def signed_by(area: PublicArea, signature: bytes, message: bytes) -> bool:
    """Whether the key of `area` signed `message`. Raises TpmDataError for what is malformed."""
    found, key = parse_signature(signature), load(area)
    try:
        if isinstance(found, EcdsaSignature) and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(found.der, message, ec.ECDSA(hashes.SHA256()))
        elif isinstance(found, RsaSignature) and not isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(found.value, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True
