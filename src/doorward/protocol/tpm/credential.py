"""MakeCredential in software: a secret that one TPM alone can find (Part 1, 24; Part 1, B.10, C.6).

The TPM with the endorsement key opens it only while it holds the key with the given name: so an
attestation key is proved to sit in the TPM that a maker's certificate vouches for.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from doorward.protocol.tpm.constants import AES_BITS, Algorithm
from doorward.protocol.tpm.public_area import PublicArea, load
from doorward.protocol.tpm.wire import TpmDataError, sized

SECRET_BYTES = 32
"""The length of secret and seed: that of the name algorithm's digest."""

_COORDINATE_BYTES = 32
_NO_IV = bytes(16)


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential for TPM2_ActivateCredential.

    `blob` is its TPM2B_ID_OBJECT and `secret` its TPM2B_ENCRYPTED_SECRET, both with their sizes.
    """

    blob: bytes
    secret: bytes


def make_credential(endorsement: PublicArea, name: bytes, secret: bytes, seed: bytes) -> Credential:
    """`secret` for the TPM with `endorsement`, as long as it holds the key called `name`.

    `seed` is random, used once, and of `SECRET_BYTES` (for a key on P-256 it is agreed on anew,
    and this one is not used). Raises TpmDataError where the endorsement key protects nothing.
    """
    if endorsement.symmetric != Algorithm.AES:
        raise TpmDataError("An endorsement key cannot keep a secret: it signs.")
    if len(secret) != SECRET_BYTES or len(seed) != SECRET_BYTES:
        raise TpmDataError("A credential's secret and seed are of 32 bytes.")
    key = load(endorsement)
    if isinstance(key, rsa.RSAPublicKey):
        encrypted = key.encrypt(
            seed, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"IDENTITY\0")
        )
    else:
        seed, encrypted = _agree(key)
    cipher = Cipher(
        algorithms.AES(_derive(seed, b"STORAGE", name, AES_BITS)), CFB(_NO_IV)
    ).encryptor()
    identity = cipher.update(sized(secret)) + cipher.finalize()
    mac = hmac.digest(_derive(seed, b"INTEGRITY", b"", 256), identity + name, hashlib.sha256)
    return Credential(blob=sized(sized(mac) + identity), secret=sized(encrypted))


def _agree(key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    """A seed by one-pass Diffie-Hellman and KDFe, with the TPMS_ECC_POINT that leads to it."""
    ours = ec.generate_private_key(ec.SECP256R1())
    shared = ours.exchange(ec.ECDH(), key)
    point, theirs = ours.public_key().public_numbers(), key.public_numbers()
    x, y, party = (
        value.to_bytes(_COORDINATE_BYTES, "big") for value in (point.x, point.y, theirs.x)
    )
    derivation = ConcatKDFHash(hashes.SHA256(), SECRET_BYTES, b"IDENTITY\0" + x + party)
    return derivation.derive(shared), sized(x) + sized(y)


def _derive(seed: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    """KDFa (Part 1, 11.4.10.2): SP 800-108 in counter mode with HMAC-SHA-256."""
    return KBKDFHMAC(
        algorithm=hashes.SHA256(),
        mode=Mode.CounterMode,
        length=bits // 8,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(seed)
