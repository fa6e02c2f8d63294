"""A lean HTTP/1.1 server for one client that we trust to be Envoy, on a Unix socket.

Requests have no body; anything malformed or oversized is answered 400 and the connection closed.
Answers are computed at once, without await: a request is decided against one snapshot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httptools

from doorward.enforcement.envoy.check import CHECK_HEADERS, CLIENT_HEADERS

MAX_HEAD_BYTES = 96 * 1024
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

_NAMES = {
    name.encode(): name for name in ("host", "content-length", *CHECK_HEADERS, *CLIENT_HEADERS)
}
"""The names that Envoy sends, as it writes them."""

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


@dataclass(slots=True)
class HttpRequest:
    """One request. Header names are in lower case; every value of a name is kept, in order."""

    method: str
    target: str
    headers: Mapping[str, list[str]]

    def only(self, name: str) -> str:
        """The header's value, empty without one. Raises ValueError where it came twice."""
        values = self.headers.get(name)
        if values is None:
            return ""
        if len(values) > 1:
            raise ValueError(name)
        return values[0]


@dataclass(slots=True)
class HttpResponse:
    """An answer. Header values must hold no line breaks; those that do are refused."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the wire. Raises ValueError for a header that would split the answer."""
        lines = [f"{name}: {value}\r\n" for name, value in self.headers]
        head = "".join(lines)
        if head.count("\n") != len(lines) or head.count("\r") != len(lines) or "\0" in head:
            raise ValueError("header")
        length = f"content-length: {len(self.body)}\r\n\r\n"
        return _STATUS_LINES[self.status] + (head + length).encode() + self.body


class HttpProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = answer
        self._transport: asyncio.Transport | None = None
        self._start()

    def _start(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, list[str]] = {}
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # The question repeats the client's `upgrade`; the connection stays HTTP/1.1.
            self._start()
            rest = data[upgrade.args[0] :]
            if rest:
                self.data_received(rest)
            return
        except httptools.HttpParserError:
            self._refuse()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("utf-8", "surrogateescape")
        values = self._headers.get(key)
        if values is None:
            self._headers[key] = [text]
        else:
            values.append(text)

    def on_body(self, _body: bytes) -> None:
        raise ValueError("body")

    def on_message_complete(self) -> None:
        request = HttpRequest(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("utf-8", "surrogateescape"),
            self._headers,
        )
        self._target = b""
        self._headers = {}
        self._head_bytes = 0
        response = self._answer(request)
        if self._transport is not None:
            self._transport.write(response.encode())

    def _refuse(self) -> None:
        if self._transport is not None:
            self._transport.write(_BAD_REQUEST)
            self._transport.close()
