"""An application whose answers last: events, downloads, and gRPC in the shape of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integration.boundary_upstreams import rpc

_EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-own: kept\r\n"
_CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
_PIECE = b"x" * 16_384


class LastingUpstream:
    """`open` counts the answers that are under way, by the `name` in their query.

    `/events?every=S` sends an event at once and every S seconds; `/framed?bytes=N` that many bytes,
    having said so; `/whole?bytes=N` without having said so, which only the connection's end tells;
    `/seen` what it was asked, as JSON, and on which connection.
    """

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self.port = self._run(self._listen(self._converse))
        self.rpc_port = self._run(self._listen(rpc))

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, int]) -> int:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, serve: Any) -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _end(self) -> int:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return 0

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                await self._answer(connection, reader, writer)
        writer.close()

    async def _answer(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.strip().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        target = urlsplit(line.split(" ")[1])
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        name = query.get("name", "")
        self.open[name] += 1
        try:
            if target.path == "/events":
                await _events(writer, reader, float(query["every"]), int(query.get("last", "-1")))
            elif target.path == "/whole":
                await _bytes(writer, int(query["bytes"]), b"connection: close")
                writer.close()
            elif target.path == "/framed":
                size = int(query["bytes"])
                await _bytes(writer, size, b"content-length: %d" % size)
            else:
                seen = {"connection": connection, "headers": headers, "body": body.decode()}
                answer = json.dumps(seen).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer))
                writer.write(answer)
        finally:
            self.open[name] -= 1


async def _events(
    writer: asyncio.StreamWriter, reader: asyncio.StreamReader, every: float, last: int
) -> None:
    writer.write(_EVENTS + _CHUNKED)
    gone, number = asyncio.ensure_future(reader.read(1)), 0
    while number != last:
        event = b"data: %d\n\n" % number
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        number += 1
        if (await asyncio.wait([gone], timeout=every))[0]:
            raise ConnectionError
    gone.cancel()
    writer.write(b"0\r\n\r\n")


async def _bytes(writer: asyncio.StreamWriter, size: int, frame: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + frame + b"\r\n\r\n")
    while size > 0:
        writer.write(_PIECE[:size])
        size -= len(_PIECE)
        await writer.drain()
