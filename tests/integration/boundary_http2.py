"""A small HTTP/2 client over a socket: enough for streams whose both sides are open at once."""

from __future__ import annotations

import socket

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

Headers = list[tuple[str, str]]


class Http2Stream:
    """One stream on a connection of its own."""

    def __init__(self, connected: socket.socket, headers: Headers) -> None:
        """Send `headers`, and leave the request's body open."""
        self._socket = connected
        self._connection = H2Connection(H2Configuration(client_side=True))
        self._connection.initiate_connection()
        self._id = self._connection.get_next_available_stream_id()
        self._connection.send_headers(self._id, headers)
        self._socket.sendall(self._connection.data_to_send())
        self._events: list[Event] = []

    def send(self, data: bytes, *, last: bool = False) -> None:
        """A part of the body."""
        self._connection.send_data(self._id, data, end_stream=last)
        self._socket.sendall(self._connection.data_to_send())

    def finish(self, trailers: Headers) -> None:
        """The end of the body, and what comes after it."""
        self._connection.send_headers(self._id, trailers, end_stream=True)
        self._socket.sendall(self._connection.data_to_send())

    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        return self._fields(ResponseReceived)

    def trailers(self) -> dict[str, str]:
        """The answer's trailers."""
        return self._fields(TrailersReceived)

    def data(self) -> bytes:
        """The next part of the answer's body."""
        event = self._next(DataReceived)
        assert isinstance(event, DataReceived)
        return bytes(event.data or b"")

    def body(self) -> bytes:
        """All of the answer's body that is left."""
        parts = []
        while isinstance(event := self._next(DataReceived, StreamEnded), DataReceived):
            parts.append(bytes(event.data or b""))
        return b"".join(parts)

    def reset(self) -> int:
        """The error code with which the stream is given up."""
        event = self._next(StreamReset)
        assert isinstance(event, StreamReset)
        return int(event.error_code)

    def _fields(self, kind: type[ResponseReceived | TrailersReceived]) -> dict[str, str]:
        event = self._next(kind)
        assert isinstance(event, ResponseReceived | TrailersReceived)
        return {_text(name): _text(value) for name, value in event.headers or []}

    def _next(self, *kinds: type[Event]) -> Event:
        while True:
            while self._events:
                event = self._events.pop(0)
                if isinstance(event, kinds):
                    return event
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("closed")
            self._events += self._connection.receive_data(received)
            self._socket.sendall(self._connection.data_to_send())


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def request(method: str, host: str, path: str, *more: tuple[str, str]) -> Headers:
    """The headers of a request."""
    return [(":method", method), (":scheme", "http"), (":authority", host), (":path", path), *more]
