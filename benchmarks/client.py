"""A lean HTTP/1.1 client of one session: keeps its connection and its ticket, as a browser does."""

from __future__ import annotations

import asyncio
import re
import ssl

_TICKET = re.compile(rb"set-cookie: (__Host-doorward-ticket=[^;]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Client:
    """Requests one after the other. `get` answers the status, 0 for a broken connection."""

    def __init__(
        self, port: int, host: str, secret: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self._port = port
        self._host = host
        self._tls = tls
        self._session = f"__Host-doorward-session={secret}"
        self._ticket = ""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self) -> int:
        """One GET on the kept connection."""
        try:
            if self._reader is None or self._writer is None:
                self._reader, self._writer = await self._open()
            self._writer.write(self._request("GET / HTTP/1.1", ""))
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await self._reader.readexactly(int(length[1]) if length else 0)
        except (OSError, EOFError):
            self.close()
            return 0
        ticket = _TICKET.search(head)
        if ticket is not None:
            self._ticket = "; " + ticket[1].decode()
        return int(head[9:12])

    async def websocket(self) -> tuple[int, asyncio.StreamReader]:
        """Open a WebSocket on a connection of its own; its status and what comes after."""
        reader, writer = await self._open()
        self._writer = writer
        upgrade = (
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        )
        writer.write(self._request("GET /ticks HTTP/1.1", upgrade))
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head[9:12]), reader

    def forget_ticket(self) -> None:
        """Ask for a decision with the next request."""
        self._ticket = ""

    def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = self._host.partition(":")[0] if self._tls else None
        return await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._tls, server_hostname=name
        )

    def _request(self, line: str, more: str) -> bytes:
        return (
            f"{line}\r\nhost: {self._host}\r\ncookie: {self._session}{self._ticket}\r\n{more}\r\n"
        ).encode()
