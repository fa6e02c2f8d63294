"""Argon2id password hashes (port `PasswordHasher`)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from doorward.errors import DoorwardError

_TIME_COST = 3
_MEMORY_KIB = 64 * 1024
_LANES = 4


class Argon2idHasher:
    """Argon2id with the second recommended parameters of RFC 9106 (64 MiB, 3 passes, 4 lanes).

    Hashing takes about 0.2 s and 64 MiB, so `at_once` bounds the memory, and `waiting` bounds the
    queue: beyond it an attempt fails with `sign-in-busy` instead of starving everyone.
    """

    def __init__(
        self,
        *,
        at_once: int = 2,
        waiting: int = 32,
        time_cost: int = _TIME_COST,
        memory_kib: int = _MEMORY_KIB,
    ) -> None:
        self._hasher = PasswordHasher(time_cost, memory_kib, _LANES)
        self._slots = asyncio.Semaphore(at_once)
        self._places = at_once + waiting
        self._decoy = self._hasher.hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        async with self._place():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, phc: str | None, password: str) -> bool:
        """Against None a decoy is verified: an unknown user costs what a known one costs."""
        async with self._place():
            matches = await asyncio.to_thread(self._matches, phc or self._decoy, password)
        return matches and phc is not None

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._places == 0:
            raise DoorwardError(
                "sign-in-busy",
                "Too many people sign in at this moment.",
                "Try again in a few seconds.",
            )
        self._places -= 1
        try:
            async with self._slots:
                yield
        finally:
            self._places += 1

    def _matches(self, phc: str, password: str) -> bool:
        try:
            return self._hasher.verify(phc, password)
        except (VerificationError, InvalidHashError):
            return False
