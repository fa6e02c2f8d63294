"""The key that a device is enrolled with: its form, its name, and words to compare it by."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

WORDS: Final = 4
_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"


def is_enrollable(public_key: bytes) -> bool:
    """Whether this is a P-256 key, as SPKI in the one form that names it (RFC 5480, 2).

    A second form of the same key, such as a compressed point, would have a second name.
    """
    try:
        key = serialization.load_der_public_key(public_key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        return False
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form) == public_key


def key_words(public_key: bytes) -> str:
    """The first 64 bits of the key's SHA-256, as four words that can be read aloud (proquints).

    A person compares what the device shows with what the browser shows. Each word is 16 bits:
    consonant, vowel, consonant, vowel, consonant (arXiv:0901.4016).
    """
    digest = sha256(public_key).digest()
    pairs = (digest[start : start + 2] for start in range(0, 2 * WORDS, 2))
    return " ".join(_word(int.from_bytes(pair)) for pair in pairs)


def _word(number: int) -> str:
    return (
        _CONSONANTS[number >> 12]
        + _VOWELS[number >> 10 & 3]
        + _CONSONANTS[number >> 6 & 15]
        + _VOWELS[number >> 4 & 3]
        + _CONSONANTS[number & 15]
    )
