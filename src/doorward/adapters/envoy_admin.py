"""Asks the gateway's own Envoy through its Unix sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

from doorward.errors import DoorwardError

_MAX_ANSWER_BYTES = 1024 * 1024


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
        try:
            question = f"{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            writer.write(question.encode())
            answer = await reader.read(_MAX_ANSWER_BYTES)
            while chunk := await reader.read(_MAX_ANSWER_BYTES):
                answer += chunk
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)
        if len(status) < 2 or status[1] != b"200":  # noqa: PLR2004 - version and status
            raise ValueError("status")
        return body.decode("utf-8", "replace")
