"""Authenticated encryption of small secrets at rest (port `Sealer`)."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorward.errors import DoorwardError

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


class AesGcmSealer:
    """AES-256-GCM; the context is authenticated, so one person's secret never opens as another's.

    Sealed bytes are version (1), nonce (12), ciphertext and tag. `key` comes from a file that is
    not in the store. Random nonces are safe here: far fewer than 2^32 secrets (SP 800-38D 8.3).
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise DoorwardError(
                "seal-key-malformed",
                f"The sealing key must have {KEY_BYTES} bytes.",
                "Restore keys/seal.key from a backup.",
            )
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, context: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises DoorwardError `seal-broken` for another key, another context or any change."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
            raise _broken()
        try:
            return self._cipher.decrypt(nonce, ciphertext, context.encode())
        except InvalidTag as error:
            raise _broken() from error


def _broken() -> DoorwardError:
    return DoorwardError(
        "seal-broken",
        "A sealed secret does not open with this installation's key.",
        "Restore keys/seal.key from a backup, or invite the person again.",
    )
