"""Asks the gateway's own Envoy through its Unix sockets."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

import httptools

from doorward.errors import DoorwardError

_MAX_ANSWER_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024


class EnvoySocket:
    """HTTP/1.1 requests to one Unix socket of Envoy; a connection each."""

    def __init__(self, socket: Path, timeout_seconds: float = 2.0) -> None:
        self._socket = socket
        self._timeout_seconds = timeout_seconds

    async def request(self, method: str, target: str, host: str = "envoy") -> str:
        """The body of the answer. Raises DoorwardError `envoy-unreachable`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._request(method, target, host)
        except (OSError, TimeoutError, ValueError) as error:
            raise DoorwardError(
                "envoy-unreachable", "Envoy does not answer on its own socket."
            ) from error

    async def _request(self, method: str, target: str, host: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        try:
            writer.write(f"{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            # Envoy keeps a connection it was asked to close open for a second: do not wait for it.
            while not answer.complete:
                data = await reader.read(_READ_BYTES)
                if not data or len(answer.body) > _MAX_ANSWER_BYTES:
                    raise ValueError("answer")
                parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ValueError("answer") from error
        finally:
            writer.close()
        if parser.get_status_code() != HTTPStatus.OK:
            raise ValueError("status")
        return answer.body.decode("utf-8", "replace")


class _Answer:
    """What httptools calls back."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True
