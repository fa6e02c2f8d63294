"""TPMT_PUBLIC: the public part of a key in a TPM (Part 2, 12.2.4), on P-256 or RSA-2048."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward.protocol.tpm.constants import (
    AES_BITS,
    NIST_P256,
    RSA_BITS,
    RSA_EXPONENT,
    Algorithm,
    Attribute,
)
from doorward.protocol.tpm.wire import Reader, TpmDataError, number, sized

_COORDINATE_BYTES = 32
_DEFINED = sum(Attribute)
_SCHEMES = {Algorithm.RSA: Algorithm.RSASSA, Algorithm.ECC: Algorithm.ECDSA}

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class PublicArea(msgspec.Struct, frozen=True, kw_only=True):
    """A key whose name algorithm is SHA-256.

    `symmetric` is AES-128-CFB for a key that protects others (an endorsement key) and null for
    one that signs; `scheme` is ECDSA or RSASSA with SHA-256, or null. `point` holds x and y of a
    key on P-256, `modulus` that of an RSA key; the other is empty.
    """

    kind: Literal[Algorithm.ECC, Algorithm.RSA]
    attributes: Attribute
    policy: bytes = b""
    symmetric: Literal[Algorithm.AES, Algorithm.NULL] = Algorithm.NULL
    scheme: Literal[Algorithm.ECDSA, Algorithm.RSASSA, Algorithm.NULL] = Algorithm.NULL
    point: tuple[bytes, bytes] | tuple[()] = ()
    modulus: bytes = b""


def parse_public(data: bytes) -> PublicArea:
    """The key of a TPMT_PUBLIC. Raises TpmDataError, also for keys of other kinds."""
    reader = Reader(data)
    kind = reader.number(2)
    if reader.number(2) != Algorithm.SHA256:
        raise TpmDataError("A key's name is not made with SHA-256.")
    attributes = reader.number(4)
    if attributes & ~_DEFINED:
        raise TpmDataError("A key has attributes that TPM 2.0 does not define.")
    policy = reader.sized(_COORDINATE_BYTES)
    symmetric = _symmetric(reader)
    if kind == Algorithm.ECC:
        area = PublicArea(
            kind=Algorithm.ECC,
            attributes=Attribute(attributes),
            policy=policy,
            symmetric=symmetric,
            scheme=_scheme(reader, Algorithm.ECC),
            point=_point(reader),
        )
    elif kind == Algorithm.RSA:
        area = PublicArea(
            kind=Algorithm.RSA,
            attributes=Attribute(attributes),
            policy=policy,
            symmetric=symmetric,
            scheme=_scheme(reader, Algorithm.RSA),
            modulus=_modulus(reader),
        )
    else:
        raise TpmDataError("A key is neither on P-256 nor an RSA key.")
    reader.end()
    load(area)
    return area


def encode_public(area: PublicArea) -> bytes:
    """The TPMT_PUBLIC of a key; for a template, `point` and `modulus` hold what makes it unique."""
    symmetric = number(area.symmetric, 2)
    if area.symmetric == Algorithm.AES:
        symmetric += number(AES_BITS, 2) + number(Algorithm.CFB, 2)
    scheme = number(area.scheme, 2)
    if area.scheme != Algorithm.NULL:
        scheme += number(Algorithm.SHA256, 2)
    if area.kind == Algorithm.ECC:
        x, y = area.point or (b"", b"")
        detail = number(NIST_P256, 2) + number(Algorithm.NULL, 2) + sized(x) + sized(y)
    else:
        detail = number(RSA_BITS, 2) + number(0, 4) + sized(area.modulus)
    head = number(area.kind, 2) + number(Algorithm.SHA256, 2) + number(area.attributes, 4)
    return head + sized(area.policy) + symmetric + scheme + detail


def name_of(public: bytes) -> bytes:
    """The name by which a TPM knows the key of this TPMT_PUBLIC (Part 1, 16)."""
    return number(Algorithm.SHA256, 2) + hashlib.sha256(public).digest()


def load(area: PublicArea) -> PublicKey:
    """The key itself. Raises TpmDataError where its numbers are no key."""
    try:
        if area.kind == Algorithm.RSA:
            return rsa.RSAPublicNumbers(
                RSA_EXPONENT, int.from_bytes(area.modulus, "big")
            ).public_key()
        x, y = area.point or (b"", b"")
        numbers = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        return ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TpmDataError("A key's numbers are no public key.") from error


def spki(area: PublicArea) -> bytes:
    """The key as SubjectPublicKeyInfo, in DER."""
    return load(area).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _symmetric(reader: Reader) -> Literal[Algorithm.AES, Algorithm.NULL]:
    algorithm = reader.number(2)
    if algorithm == Algorithm.NULL:
        return Algorithm.NULL
    if algorithm == Algorithm.AES and (reader.number(2), reader.number(2)) == (
        AES_BITS,
        Algorithm.CFB,
    ):
        return Algorithm.AES
    raise TpmDataError("A key protects others by something else than AES-128-CFB.")


def _scheme(
    reader: Reader, kind: Algorithm
) -> Literal[Algorithm.ECDSA, Algorithm.RSASSA, Algorithm.NULL]:
    scheme = reader.number(2)
    if scheme == Algorithm.NULL:
        return Algorithm.NULL
    if scheme == _SCHEMES[kind] and reader.number(2) == Algorithm.SHA256:
        return Algorithm.ECDSA if kind == Algorithm.ECC else Algorithm.RSASSA
    raise TpmDataError("A key signs by something else than ECDSA or RSASSA with SHA-256.")


def _point(reader: Reader) -> tuple[bytes, bytes]:
    if reader.number(2) != NIST_P256:
        raise TpmDataError("A key is on another curve than P-256.")
    if reader.number(2) != Algorithm.NULL:
        raise TpmDataError("A key on P-256 has a key derivation of its own.")
    return reader.sized(_COORDINATE_BYTES), reader.sized(_COORDINATE_BYTES)


def _modulus(reader: Reader) -> bytes:
    if reader.number(2) != RSA_BITS:
        raise TpmDataError("An RSA key has another size than 2048 bits.")
    if reader.number(4) not in {0, RSA_EXPONENT}:
        raise TpmDataError("An RSA key has another exponent than 65537.")
    modulus = reader.sized(RSA_BITS // 8)
    if int.from_bytes(modulus, "big").bit_length() != RSA_BITS:
        raise TpmDataError("An RSA key is shorter than it says.")
    return modulus
