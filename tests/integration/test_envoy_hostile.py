"""What a hostile client, and a decision process out of its mind, cannot make of the gateway."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded, TrailersReceived

from doorward.enforcement.envoy.check import CHECK_TIMEOUT_SECONDS, IDENTITY_HEADERS
from doorward.entrypoints.ext_authz.http_server import HttpRequest, HttpResponse
from tests.integration import boundary_upstreams
from tests.integration.boundary_http2 import Http2Stream, request
from tests.integration.boundary_stand import Stand, allow
from tests.integration.boundary_wire import Wire

OWN = "__Host-doorward-session=secret"


class _Garbage(HttpResponse):
    def encode(self) -> bytes:
        return self.body


class Recorded:
    """An HTTP/2 upstream that keeps the headers and trailers it got."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.trailers: list[tuple[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    self.headers = [(str(name), str(value)) for name, value in event.headers or ()]
                elif isinstance(event, TrailersReceived):
                    self.trailers = [(str(name), str(value)) for name, value in event.headers or ()]
                elif isinstance(event, StreamEnded):
                    answer = [(":status", "200"), ("content-length", "0")]
                    connection.send_headers(event.stream_id, answer, end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[Stand, Recorded]]:
    """A stand of its own, whose HTTP/2 upstream keeps what it got."""
    upstream = Recorded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundary_upstreams, "rpc", upstream.serve)
        stand = Stand()
    stand.check.answer = allow
    yield stand, upstream
    stand.close()


def test_trailers_say_no_more_than_headers_may(recorded: tuple[Stand, Recorded]) -> None:
    stand, upstream = recorded
    with socket.create_connection(stand.plain, 10) as connected:
        stream = Http2Stream(
            connected, request("POST", "rpc.example.test", "/x", ("te", "trailers"))
        )
        stream.send(b"body")
        stream.finish(
            [
                ("doorward-user", "mallory"),
                ("x-original-url", "/admin"),
                ("authorization", "Bearer dwt_1.secret"),
                ("cookie", OWN),
                ("checksum", "1"),
            ]
        )
        assert stream.headers()[":status"] == "200"
    assert upstream.trailers == [("checksum", "1")]
    assert ("doorward-user", "bob") in upstream.headers


def test_cookies_that_http2_splits_arrive_in_one_line_without_ours(
    recorded: tuple[Stand, Recorded],
) -> None:
    stand, upstream = recorded
    ours = stand.ticket("rpc").removeprefix("cookie: ")
    for pairs in (
        ("a=1", OWN, "b=2"),
        (OWN, "a=1", "b=2"),
        ("a=1", "b=2", ours),
        (ours, OWN),
        ("a=1", OWN, OWN),
    ):
        cookies = [("cookie", pair) for pair in pairs]
        with socket.create_connection(stand.plain, 10) as connected:
            stream = Http2Stream(connected, request("GET", "rpc.example.test", "/", *cookies))
            stream.send(b"", last=True)
            assert stream.headers()[":status"] == "200"
        kept = "; ".join(pair for pair in pairs if "doorward" not in pair)
        expected = [kept] if kept else []
        assert [value for name, value in upstream.headers if name == "cookie"] == expected


def test_a_long_header_is_cleaned_like_a_short_one(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    for size in (8192, 30_000):
        value = "a=" + "x" * (size - 2)
        for sent in (value, f"{value}; {OWN}", f"{OWN}; {value}"):
            assert wire.get("/", f"cookie: {sent}").seen("cookie") == [value]
        assert wire.get("/", f"authorization: {value}").seen("authorization") == [value]


@pytest.mark.parametrize(
    "lines",
    [
        ("authorization: Basic YTpi", "authorization: Bearer dwt_1.secret"),
        ("authorization: Bearer dwt_1.secret", "authorization: Basic YTpi"),
        ("authorization: Basic YTpi, Bearer dwt_1.secret",),
    ],
)
def test_a_service_token_beside_another_credential_reaches_no_upstream(
    stand: Stand, wire: Wire, lines: tuple[str, ...]
) -> None:
    stand.check.answer = allow
    assert "secret" not in "".join(wire.get("/", *lines).seen("authorization"))


def test_a_connection_header_takes_no_header_away(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    answer = wire.get("/", "connection: doorward-user, doorward-assertion, keep-alive")
    assert answer.status == 400 or answer.seen("doorward-user") == ["bob"]


@pytest.mark.parametrize("user", ["", "hr.example.test@", "hr.example.test:80@"])
def test_the_host_of_an_absolute_target_is_the_one_that_is_asked_about(
    stand: Stand, wire: Wire, user: str
) -> None:
    stand.check.answer = allow
    target = f"http://{user}wiki.example.test/page"
    answer = wire.get(target, stand.ticket("hr"))
    assert answer.seen("host") == ["wiki.example.test"]
    assert answer.seen("doorward-user") == ["bob"]
    assert stand.check.questions[0].headers["host"] == ["wiki.example.test"]


@pytest.mark.parametrize("target", ["*", "a", "/a#b"])
def test_a_target_that_is_no_path_reaches_no_upstream(
    stand: Stand, wire: Wire, target: str
) -> None:
    stand.check.answer = allow
    assert wire.ask("OPTIONS", target, stand.ticket()).status in {400, 403, 404}


def test_no_header_of_a_client_steers_envoy(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    answer = wire.get(
        "/",
        "x-envoy-retry-on: 5xx",
        "x-envoy-max-retries: 50",
        "x-envoy-upstream-rq-timeout-ms: 1",
        "x-envoy-original-path: /admin",
        "x-forwarded-client-cert: Hash=00",
    )
    names = {name for name, _ in answer.echo["headers"]}
    assert not {name for name in names if name.startswith("x-envoy-")} - {
        "x-envoy-external-address"
    }
    assert "x-forwarded-client-cert" not in names


def _silent(_: HttpRequest) -> HttpResponse:
    time.sleep(CHECK_TIMEOUT_SECONDS + 1)
    return allow(_)


BROKEN = {
    "garbage": lambda _: _Garbage(200, [], b"\x00\xff nothing of the kind\r\n\r\n"),
    "another protocol": lambda _: _Garbage(200, [], b"SSH-2.0-OpenSSH\r\n"),
    "half a head": lambda _: _Garbage(200, [], b"HTTP/1.1 200 OK\r\ncontent-le"),
    "informational": lambda _: _Garbage(200, [], b"HTTP/1.1 101 X\r\n\r\n"),
    "no content": lambda _: _Garbage(204, [], b"HTTP/1.1 204 X\r\n\r\n"),
    "too late": _silent,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_whatever_is_not_a_clear_yes_is_a_no(stand: Stand, wire: Wire, kind: str) -> None:
    stand.check.answer = BROKEN[kind]
    answer = wire.get("/")
    assert answer.status != 200
    assert not answer.body.startswith(b"{")


def test_claims_of_a_foreign_ticket_are_overridden_in_every_header(
    stand: Stand, wire: Wire
) -> None:
    stand.check.answer = lambda _: HttpResponse(200, [(name, "") for name in IDENTITY_HEADERS])
    answer = wire.get("/", stand.ticket("wiki"))
    for name in IDENTITY_HEADERS:
        assert answer.seen(name) == [""]
