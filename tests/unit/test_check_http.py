"""The lean HTTP server of ext_authz, byte by byte on a fake transport."""

from __future__ import annotations

import asyncio

import pytest

from doorward.entrypoints.ext_authz.http_server import (
    MAX_HEAD_BYTES,
    HttpProtocol,
    HttpRequest,
    HttpResponse,
)


class Wire(asyncio.Transport):
    """Collects what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True


class Server:
    """A protocol on a wire, and the requests that it was asked."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.wire = Wire()
        self.protocol = HttpProtocol(self.answer)
        self.protocol.connection_made(self.wire)

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return HttpResponse(200, [("n", str(len(self.requests)))])


QUESTION = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nCookie: a\r\ncookie: b\r\n\r\n"


def test_a_request_is_read_with_every_header_value() -> None:
    server = Server()
    server.protocol.data_received(QUESTION)
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/a?b=c")
    assert request.headers == {"host": ["x"], "cookie": ["a", "b"]}
    assert server.wire.written == b"HTTP/1.1 200 OK\r\nn: 1\r\ncontent-length: 0\r\n\r\n"


def test_the_connection_stays_open_for_the_next_request() -> None:
    server = Server()
    for _ in range(3):
        server.protocol.data_received(QUESTION)
    server.protocol.data_received(QUESTION + QUESTION)
    assert len(server.requests) == 5
    assert not server.wire.closed


def test_an_upgrade_header_does_not_end_http() -> None:
    server = Server()
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    server.protocol.data_received(upgrade + QUESTION)
    server.protocol.data_received(QUESTION)
    assert [request.target for request in server.requests] == ["/", "/a?b=c", "/a?b=c"]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\nc: d\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_malformed_or_has_a_body_is_refused_and_the_connection_closed(sent: bytes) -> None:
    server = Server()
    server.protocol.data_received(sent)
    assert server.requests == []
    assert server.wire.written.startswith(b"HTTP/1.1 400 ")
    assert server.wire.closed


def test_a_header_that_came_twice_is_no_single_value() -> None:
    request = HttpRequest("GET", "/", {"host": ["a", "b"]})
    assert request.only("none") == ""
    with pytest.raises(ValueError, match="host"):
        request.only("host")


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\rb", "a\0b"])
def test_a_header_cannot_split_the_answer(value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        HttpResponse(200, [("x", value)]).encode()


def test_an_answer_is_utf_8() -> None:
    assert "x: Zoë".encode() in HttpResponse(200, [("x", "Zoë")]).encode()
