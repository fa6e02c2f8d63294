"""An application behind the gateway: echoes headers as JSON, and WebSocket messages."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Upstream:
    """Counts the requests that reach it, by path."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = defaultdict(int)
        self.handshakes: list[dict[str, str]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self._run(self._http())
        self.websocket_port = self._run(self._websocket())

    def _run(self, work: Coroutine[Any, Any, int]) -> int:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _http(self) -> int:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._server = server
        return int(server.sockets[0].getsockname()[1])

    async def _websocket(self) -> int:
        server = await serve(self._echo, "127.0.0.1", 0)
        self._echo_server = server
        return int(next(iter(server.sockets)).getsockname()[1])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.rstrip("\r\n").split("\r\n")
                headers: dict[str, list[str]] = defaultdict(list)
                for line in lines:
                    name, _, value = line.partition(":")
                    headers[name.lower()].append(value.strip())
                await reader.readexactly(int(headers.get("content-length", ["0"])[0]))
                self.requests[first.split(" ")[1]] += 1
                body = json.dumps(headers).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def _echo(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.handshakes.append(dict(connection.request.headers.raw_items()))
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)

    def close(self) -> None:
        async def end() -> int:
            self._server.close()
            self._echo_server.close()
            await self._echo_server.wait_closed()
            return 0

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
