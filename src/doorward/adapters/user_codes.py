"""What is kept of a code that a person types: a keyed hash (port `UserCodes`)."""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_PURPOSE = b"doorward enrolment codes 1"


class HmacUserCodes:
    """HMAC-SHA-256 under a key of its own, derived (RFC 5869) from the installation's seal key.

    Codes are short: without the key, whoever reads the store cannot try them all.
    """

    def __init__(self, seal_key: bytes) -> None:
        self._key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(seal_key)

    def hash(self, code: str) -> str:
        """Digits and their order count; whatever stands between them does not."""
        digits = "".join(char for char in code if char in "0123456789")
        return hmac.new(self._key, digits.encode(), sha256).hexdigest()
