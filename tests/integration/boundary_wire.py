"""A raw HTTP/1.1 client: what it is given goes out byte for byte."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are in lower case; all values of a name, in order."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def echo(self) -> dict[str, Any]:
        """What the echo upstream saw."""
        seen: dict[str, Any] = json.loads(self.body)
        return seen

    def seen(self, name: str) -> list[str]:
        """The values of header `name` that the echo upstream saw."""
        return [value for key, value in self.echo["headers"] if key == name]


class Wire:
    """One connection to Envoy."""

    def __init__(
        self,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        plain = socket.create_connection(address, TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = (
            plain
            if tls is None
            else tls.wrap_socket(plain, server_hostname="hr.example.test", session=session)
        )
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Put `data` on the wire."""
        self.socket.sendall(data)

    def get(self, path: str = "/", *headers: str, host: str = "hr.example.test") -> Answer:
        """A GET with these header lines."""
        return self.ask("GET", path, *headers, host=host)

    def ask(
        self,
        method: str,
        path: str,
        *headers: str,
        host: str = "hr.example.test",
        body: bytes = b"",
    ) -> Answer:
        """One request and its answer."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *headers]
        if body:
            lines.append(f"content-length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return self.answer(bodiless=method == "HEAD")

    def answer(self, *, bodiless: bool = False) -> Answer:
        """The next answer on this connection."""
        status, headers = self.head()
        if bodiless or status in {101, 204, 304}:
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == ["chunked"]:
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self.exactly(int(headers.get("content-length", ["0"])[0]))
        return Answer(status, headers, body)

    def head(self) -> tuple[int, dict[str, list[str]]]:
        """Status and headers of the next answer, up to its body."""
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        return int(first.split(" ")[1]), headers

    def chunk(self) -> bytes:
        """The next chunk of a chunked body, empty for the last."""
        size = int(self._until(b"\r\n"), 16)
        return self.exactly(size + 2)[:-2]

    def exactly(self, size: int) -> bytes:
        """That many bytes."""
        while len(self._left) < size:
            self._receive()
        data, self._left = self._left[:size], self._left[size:]
        return data

    def closed(self) -> bool:
        """Whether the other side has nothing more to say and closes."""
        try:
            return self._left == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._left:
            self._receive()
        data, _, self._left = self._left.partition(mark)
        return data

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self._left += data
