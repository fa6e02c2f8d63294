"""Challenges of passkey ceremonies prove themselves (port `Challenges`)."""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_PURPOSE = b"doorward passkey challenges 1"


class HmacChallenges:
    """HMAC-SHA-256 under a key of its own, derived (RFC 5869) from the installation's seal key.

    Every control process of an installation knows the challenges of the others.
    """

    def __init__(self, seal_key: bytes) -> None:
        self._key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(seal_key)

    def sign(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, sha256)
