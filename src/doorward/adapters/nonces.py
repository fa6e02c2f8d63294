"""Nonces for the messages of devices: keyed hashes that prove themselves (port `Nonces`)."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from doorward.model.ids import DeviceId, UnixSeconds

PERIOD_SECONDS = 600
"""A nonce is good for one to two of these."""

_KEY_BYTES = 32
_PURPOSE = b"doorward device nonces 1"


class HmacNonces:
    """HMAC-SHA-256 over device, counter and period, under a key derived from the seal key.

    Every control process of an installation gives and takes the same ones.
    """

    def __init__(self, seal_key: bytes) -> None:
        self._key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(seal_key)

    def nonce(self, device: DeviceId, counter: int, now: UnixSeconds) -> str:
        """The nonce of this period: 32 bytes in base64url."""
        return self._of(device, counter, int(now // PERIOD_SECONDS))

    def hold(self, nonce: str, device: DeviceId, counter: int, now: UnixSeconds) -> bool:
        """Compared in constant time; those of this period and of the one before it hold."""
        period = int(now // PERIOD_SECONDS)
        given = nonce.encode("utf-8", "replace")
        return any(
            hmac.compare_digest(given, self._of(device, counter, number).encode())
            for number in (period, period - 1)
        )

    def _of(self, device: DeviceId, counter: int, period: int) -> str:
        message = f"{period}\x00{counter}\x00{device}".encode()
        digest = hmac.new(self._key, message, sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
