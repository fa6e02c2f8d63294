"""Whose turn it is to search the directory.

The store has few connections to read by. One service must not hold all of its turns, and all
services together must leave connections to everybody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from doorward.entrypoints.scim.errors import UnansweredError

SEARCHES = 1
SEARCHES_TOGETHER = 2
MAX_WAITING = 8
LOOKUPS = 2
LOOKUPS_TOGETHER = 3
LOOKUPS_WAITING = 64


class Turns:
    """So many `at_once` for each actor, who may have a few more that wait, and for all `together`.

    `together` is more than `at_once`, so that nobody waits for one other actor alone.
    """

    def __init__(
        self,
        at_once: int = SEARCHES,
        waiting: int = MAX_WAITING,
        together: int = SEARCHES_TOGETHER,
    ) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._asked: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._together = asyncio.Semaphore(together)

    @asynccontextmanager
    async def turn(self, actor: str) -> AsyncIterator[None]:
        """Wait until it is `actor`'s turn. Raises UnansweredError (429)."""
        if self._asked[actor] >= self._at_once + self._waiting:
            raise UnansweredError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._waiting} searches like this wait already. Ask for one after the other.",
            )
        self._asked[actor] += 1
        try:
            # One's own turn first: whoever waits for it must not keep others from theirs.
            async with (
                self._turns.setdefault(actor, asyncio.Semaphore(self._at_once)),
                self._together,
            ):
                yield
        finally:
            self._asked[actor] -= 1
            if not self._asked[actor]:
                del self._asked[actor], self._turns[actor]
