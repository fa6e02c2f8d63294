"""Wakes whoever waits for something to deliver."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Bell:
    """Rung in this process; what another process writes is found by looking now and then."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Event] = set()

    def ring(self) -> None:
        """Wake everybody who listens."""
        for rung in self._listening:
            rung.set()

    @contextmanager
    def heard(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever it rings, from now on."""
        rung = asyncio.Event()
        self._listening.add(rung)
        try:
            yield rung
        finally:
            self._listening.discard(rung)


async def rung_within(rung: asyncio.Event, seconds: float) -> None:
    """Until `rung` is set, `seconds` at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await rung.wait()
