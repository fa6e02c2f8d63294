"""Whose turn it is to look through the whole directory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from doorward.entrypoints.scim.errors import UnansweredError

MAX_WAITING = 8


class Turns:
    """One at a time for each actor, who may have a few more that wait."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, actor: str) -> AsyncIterator[None]:
        """Wait until it is `actor`'s turn. Raises UnansweredError (429)."""
        if self._asked[actor] > MAX_WAITING:
            raise UnansweredError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{MAX_WAITING} searches that look through the whole directory wait already."
                " Ask for one after the other.",
            )
        self._asked[actor] += 1
        try:
            async with self._turns.setdefault(actor, asyncio.Lock()):
                yield
        finally:
            self._asked[actor] -= 1
            if not self._asked[actor]:
                del self._asked[actor], self._turns[actor]
