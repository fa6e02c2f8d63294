"""The benchmarks' application: a small answer to GET, a message every 2 ms on a WebSocket.

Usage: python -m benchmarks.upstream PORT
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TICK_SECONDS = 0.002


class Application(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.head = bytearray()
        self.ticking = False

    def data_received(self, data: bytes) -> None:
        if self.ticking:
            return
        self.head += data
        while (end := self.head.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.head[:end]).lower()
            raw = bytes(self.head[:end])
            del self.head[: end + 4]
            if b"\r\nupgrade: websocket" in head:
                start = head.index(b"sec-websocket-key: ") + 19
                key = raw[start:].split(b"\r\n", 1)[0]
                accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
                self.transport.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                    b"connection: upgrade\r\nsec-websocket-accept: " + accept + b"\r\n\r\n"
                )
                self.ticking = True
                self._tick()
                return
            self.transport.write(_ANSWER)

    def _tick(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"\x81\x01.")
            asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)


async def main(port: int) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Application, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
