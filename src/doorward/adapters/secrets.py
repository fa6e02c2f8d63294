"""Randomness and identifiers from the operating system (port `Secrets`)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_TIME_BITS = 48
_RANDOM_BITS = 80


class SystemSecrets:
    """Secrets from the kernel's generator; ids are ULIDs (time first, then 80 random bits)."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def token(self) -> str:
        """A URL-safe secret of 256 bits (43 characters)."""
        return secrets.token_urlsafe(32)

    def id(self, prefix: str) -> str:
        """`prefix_` and 26 characters that sort by the millisecond of their making."""
        milliseconds = int(self._clock() * 1000) & ((1 << _TIME_BITS) - 1)
        number = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        text = "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])
        return f"{prefix}_{text}"
