"""What may be kept of a document's number: a keyed hash (port `DocumentNumbers`)."""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_PURPOSE = b"doorward document numbers 1"


class HmacDocumentNumbers:
    """HMAC-SHA-256 under a key of its own, derived (RFC 5869) from the installation's seal key.

    Numbers are short: without the key, whoever reads the store cannot try them all.
    """

    def __init__(self, seal_key: bytes) -> None:
        self._key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(seal_key)

    def hash(self, kind: str, country: str, number: str) -> str:
        """Letters, digits and their order count; spaces, hyphens and case do not."""
        plain = "".join(filter(str.isalnum, number)).upper()
        message = f"{kind}\x00{country.upper()}\x00{plain}".encode()
        return hmac.new(self._key, message, sha256).hexdigest()
