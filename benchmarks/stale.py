"""How long somebody is still let in after a signal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks.client import Client

_WATCH_SECONDS = 0.6
_LET_IN_SECONDS = 10.0
_OK = 200
_SWITCHING = 101


async def last_answers(
    client: Callable[[], Client], send: Callable[[], Awaitable[None]]
) -> dict[str, float]:
    """Milliseconds from the signal to the last stale answer of each kind.

    `client` makes a client of whoever is let in; `send` sends the signal. It is asked on an open
    connection, on new ones, and by messages on a WebSocket.
    """
    kinds = {"connection": [0.0], "new": [0.0], "websocket": [0.0]}
    stop, streaming = asyncio.Event(), client()
    tasks = [
        asyncio.create_task(_ask(client(), kinds["connection"], stop, anew=False)),
        asyncio.create_task(_ask(client(), kinds["new"], stop, anew=True)),
        asyncio.create_task(_listen(streaming, kinds["websocket"])),
    ]
    async with asyncio.timeout(_LET_IN_SECONDS):
        while not all(last[0] for last in kinds.values()):  # noqa: ASYNC110 - several at once
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    sent = time.monotonic()
    await send()
    await asyncio.sleep(_WATCH_SECONDS)
    stop.set()
    streaming.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, OSError):
            raise result
    return {kind: max(0.0, (last[0] - sent) * 1000) for kind, last in kinds.items()}


async def _ask(client: Client, last: list[float], stop: asyncio.Event, *, anew: bool) -> None:
    while not stop.is_set():
        if await client.get() == _OK:
            last[0] = time.monotonic()
        if anew:
            client.close()
        await asyncio.sleep(0.001)
    client.close()


async def _listen(client: Client, last: list[float]) -> None:
    status, reader = await client.websocket()
    if status != _SWITCHING:
        raise RuntimeError(f"the WebSocket was not opened: {status}")
    last[0] = time.monotonic()
    while data := await reader.read(4096):
        if data[0] == 0x81:
            last[0] = time.monotonic()
