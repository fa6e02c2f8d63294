"""Whatever bytes reach ext_authz, it answers deny or nothing; whatever cookies, one reading."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from doorward.entrypoints.ext_authz.credentials import (
    AmbiguousCredentialsError,
    read_credentials,
    without_own_cookies,
)
from doorward.entrypoints.ext_authz.http_server import HttpProtocol, HttpRequest, HttpResponse
from doorward.entrypoints.relay.heads import MalformedHeadError, Tunnel, read_head
from tests.unit.gateway_world import COOKIE, World

WORLD = World()
SECRET = "__Host-doorward-session=" + COOKIE
PIECE = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"Host: wiki.doorward.localhost\r\n",
        b"host: payroll.doorward.localhost\r\n",
        b"doorward-check-address: 192.0.2.1\r\n",
        b"doorward-check-resource: wiki\r\n",
        b"doorward-check-route: relayed\r\n",
        b"CONNECT stream.doorward.invalid:0 HTTP/1.1\r\n",
        b"doorward-stream: abc\r\n",
        b"cookie: " + SECRET.encode() + b"\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 7\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Upgrade: websocket\r\nConnection: upgrade\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" folded\r\n",
        b"0\r\n\r\n",
        b"\x00",
    ]
)


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "nothing is answered after the end"
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True


@given(st.lists(st.one_of(PIECE, st.binary(max_size=8)), max_size=14))
def test_bytes_never_break_the_server(pieces: list[bytes]) -> None:
    asked: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return WORLD.authorizer.answer(request)

    wire = Wire()
    protocol = HttpProtocol(answer)
    protocol.connection_made(wire)
    for piece in pieces:
        if wire.closed:
            break
        protocol.data_received(piece)
    statuses = [int(data.split(b" ", 2)[1]) for data in wire.written]
    assert len(statuses) == len(asked) + (1 if wire.closed else 0)
    for status, request in zip(statuses, asked, strict=False):
        if status == 200:
            assert request.headers["host"] == ["wiki.doorward.localhost"]
            assert request.headers["cookie"] == [SECRET]


COOKIES = st.lists(
    st.one_of(
        st.just(SECRET),
        st.just(SECRET.upper()),
        st.just("__Host-doorward-ticket=x"),
        st.just("a=" + SECRET),
        st.text("ab=; \t_-H", max_size=8),
    ),
    max_size=4,
)


@given(COOKIES, st.sampled_from([";", "; ", " ;", ";;", "\t;\t"]))
def test_a_session_is_read_only_where_there_is_exactly_one(
    cookies: list[str], separator: str
) -> None:
    header = separator.join(cookies)
    names = [part.strip(" \t").partition("=")[0] for part in header.split(";")]
    own = [name for name in names if name.lower() == "__host-doorward-session"]
    try:
        found = read_credentials([header], [])
    except AmbiguousCredentialsError:
        assert len(names) != len(set(names)) or any(name.isupper() for name in own)
    else:
        assert (found.session_secret == COOKIE) == (own == ["__Host-doorward-session"])


@given(COOKIES, st.sampled_from([";", "; ", " ;", ";;", "\t;\t"]))
def test_no_own_cookie_is_left_for_an_upstream(cookies: list[str], separator: str) -> None:
    rest = without_own_cookies(separator.join(cookies))
    names = [part.strip(" \t").partition("=")[0].lower() for part in rest.split(";")]
    assert not any(name.startswith("__host-doorward-") for name in names)


@given(st.lists(st.one_of(PIECE, st.binary(max_size=8)), max_size=8).map(b"".join))
def test_a_relayed_head_is_one_request_without_a_body(head: bytes) -> None:
    try:
        upgrade = read_head(head, bytes(16))
    except MalformedHeadError:
        return
    if isinstance(upgrade, Tunnel):
        names = [line.partition(b":")[0] for line in head.lower().split(b"\r\n")]
        assert names.count(b"doorward-stream") == 1
        assert not {b"content-length", b"transfer-encoding"} & set(names)
        return
    assert upgrade.head.count(b"\r\n\r\n") == 1
    assert b"content-length" not in upgrade.head.lower()
