"""HTTP/2, gRPC, streaming bodies, WebSockets, TLS and the control plane, on the real Envoy."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from doorward.enforcement.envoy.check import (
    CERTIFICATE_HEADER,
    IDENTITY_HEADERS,
    RELAYED,
    ROUTE_HEADER,
    STREAM_HEADER,
    certificate_in,
)
from doorward.enforcement.envoy.settings import Limits
from doorward.entrypoints.ext_authz.http_server import HttpRequest, HttpResponse
from tests.integration.boundary_http2 import Http2Stream, request
from tests.integration.boundary_stand import Answerer, Stand, allow
from tests.integration.boundary_wire import TIMEOUT_SECONDS, Wire

WEBSOCKET = (
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
)


def cookie(line: str) -> tuple[str, str]:
    return ("cookie", line.removeprefix("cookie: "))


def connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, TIMEOUT_SECONDS)


def test_http2_with_prior_knowledge_takes_a_ticket(stand: Stand) -> None:
    with connected(stand.plain) as plain:
        ticket = cookie(stand.ticket())
        stream = Http2Stream(
            plain, request("GET", "hr.example.test", "/", ("cookie", "a=1"), ticket)
        )
        stream.send(b"", last=True)
        assert stream.headers()[":status"] == "200"
        body = stream.body()
    assert b'["cookie", "a=1"]' in body
    assert not stand.check.questions


def test_tls_offers_http2(stand: Stand) -> None:
    context = stand.client_tls(protocol="h2")
    with context.wrap_socket(connected(stand.tls), server_hostname="hr.example.test") as secured:
        assert secured.selected_alpn_protocol() == "h2"
        stream = Http2Stream(secured, request("GET", "hr.example.test", "/"))
        stream.send(b"", last=True)
        assert stream.headers()[":status"] == "403"


def carried_to(port: int) -> Answerer:
    """An allow whose stream the stand's relay takes to `port`."""
    return lambda asked: HttpResponse(200, [*allow(asked).headers, (STREAM_HEADER, str(port))])


def test_a_bidirectional_grpc_call_passes_message_by_message(stand: Stand) -> None:
    stand.check.answer = carried_to(stand.rpc_port)
    with connected(stand.plain) as plain:
        kind = ("content-type", "application/grpc")
        call = Http2Stream(
            plain, request("POST", "rpc.example.test", "/s.S/M", kind, ("te", "trailers"))
        )
        assert call.headers()["content-type"] == "application/grpc"
        for number in range(3):
            message = b"\0\0\0\0\1%d" % number
            call.send(message, last=number == 2)
            assert call.data() == message
        assert call.trailers()["grpc-status"] == "0"
    assert stand.check.questions[0].headers[ROUTE_HEADER] == [RELAYED]


def test_without_a_stream_s_id_nothing_is_carried(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    answer = wire.get("/", "accept: text/event-stream", "doorward-stream: 1")
    assert answer.status == 503


@pytest.mark.parametrize(
    "header",
    [
        "accept: text/event-stream",
        "accept: application/json, Text/Event-Stream;q=0.5",
        "content-type: application/grpc-web+proto",
    ],
)
def test_what_may_last_rides_on_no_ticket(stand: Stand, wire: Wire, header: str) -> None:
    stand.check.answer = carried_to(stand.echo_port)
    answer = wire.get("/x", header, stand.ticket())
    assert answer.status == 200
    assert answer.seen("doorward-user") == ["bob"], "by the decision, not by alice's ticket"
    assert answer.seen("doorward-stream") == []
    assert len(stand.check.questions) == 1


def test_a_body_passes_chunk_by_chunk(stand: Stand, wire: Wire) -> None:
    wire.send(
        b"POST /stream HTTP/1.1\r\nhost: hr.example.test\r\ntransfer-encoding: chunked\r\n"
        + stand.ticket("hr", "write").encode()
        + b"\r\n\r\n"
    )
    assert wire.head()[0] == 200
    for part in (b"one", b"two", b"x" * 200_000):
        wire.send(b"%x\r\n%s\r\n" % (len(part), part))
        echoed = b""
        while len(echoed) < len(part):
            echoed += wire.chunk()
        assert echoed == part
    wire.send(b"0\r\n\r\n")
    assert wire.chunk() == b""


def test_a_body_is_not_sent_with_the_question(stand: Stand, wire: Wire) -> None:
    stand.check.answer = allow
    answer = wire.ask("POST", "/", body=b"x" * 100_000)
    assert len(answer.echo["body"]) == 100_000
    assert len(stand.check.questions) == 1


def streaming(request_: HttpRequest) -> HttpResponse:
    answer = allow(request_)
    return HttpResponse(200, [*answer.headers, (STREAM_HEADER, "key")])


def test_a_websocket_goes_to_the_relay_after_a_decision(stand: Stand, wire: Wire) -> None:
    stand.check.answer = streaming
    wire.send(
        "\r\n".join(
            [
                "GET /live HTTP/1.1",
                "host: hr.example.test",
                *WEBSOCKET,
                stand.ticket(),
                "authorization: Bearer dwt_1.secret",
                "doorward-stream: forged",
                "",
                "",
            ]
        ).encode()
    )
    assert wire.head()[0] == 101
    assert stand.check.questions[0].headers["upgrade"] == ["websocket"]
    size = b""
    while not size.endswith(b"\n"):
        size += wire.exactly(1)
    head = wire.exactly(int(size)).decode().lower()
    assert "doorward-stream: key" in head
    assert "doorward-user: bob" in head
    assert "alice" not in head
    assert "cookie" not in head
    assert "dwt_" not in head
    wire.send(b"ping")
    assert wire.exactly(4) == b"ping"


def test_a_websocket_over_http2_goes_to_the_relay_too(stand: Stand) -> None:
    stand.check.answer = streaming
    with connected(stand.plain) as plain:
        headers = request("CONNECT", "hr.example.test", "/live", (":protocol", "websocket"))
        stream = Http2Stream(plain, [*headers, cookie(stand.ticket())])
        assert stream.headers()[":status"] == "200"
        assert b"doorward-stream: key" in stream.data()
        stream.send(b"ping")
        assert stream.data() == b"ping"
    assert stand.check.questions[0].headers["upgrade"] == ["websocket"]


def test_a_denied_websocket_is_answered_as_any_request(stand: Stand, wire: Wire) -> None:
    assert wire.get("/live", *WEBSOCKET, stand.ticket()).status == 403


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "other"])
def test_no_other_upgrade_passes(stand: Stand, wire: Wire, protocol: str) -> None:
    stand.check.answer = streaming
    answer = wire.get("/", "connection: Upgrade", f"upgrade: {protocol}")
    assert answer.status in {200, 403}
    if answer.status == 200:
        assert answer.seen("upgrade") == []


def test_the_console_is_a_resource_and_reached_over_mutual_tls(stand: Stand, wire: Wire) -> None:
    assert wire.get("/", host="console.example.test").status == 403
    stand.check.answer = allow
    answer = wire.get("/", host="console.example.test")
    assert answer.status == 200
    assert answer.seen("doorward-user") == ["bob"]


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("auth.example.test", "/"),
        ("auth.example.test", "/start?resource=hr"),
        ("hr.example.test", "/.doorward/callback?code=c"),
        ("console.example.test", "/.doorward/static/x.css"),
    ],
)
def test_doorwards_own_pages_ask_nobody_and_name_nobody(
    stand: Stand, wire: Wire, host: str, path: str
) -> None:
    own = "__Host-doorward-flow=f"
    answer = wire.get(path, f"{stand.ticket()}; {own}", "doorward-user: mallory", host=host)
    assert answer.status == 200
    assert answer.echo["line"] == f"GET {path} HTTP/1.1"
    assert own in answer.seen("cookie")[0]
    assert [answer.seen(name) for name in IDENTITY_HEADERS] == [[]] * len(IDENTITY_HEADERS)
    assert not stand.check.questions


@pytest.mark.parametrize(
    "path", ["/.Doorward/x", "/.doorward", "/x/.doorward/", "/.doorward/../x", "/.doorward%2fx"]
)
def test_what_only_looks_like_an_own_page_is_decided(stand: Stand, wire: Wire, path: str) -> None:
    assert wire.get(path).status in {400, 403}


def test_a_certificate_of_another_authority_is_refused(stand: Stand) -> None:
    context = stand.client_tls()
    context.load_cert_chain(stand.folder / "stranger.pem", stand.folder / "stranger.key")
    with pytest.raises((ssl.SSLError, ConnectionError)), Wire(stand.tls, context) as wire:
        wire.get("/")


def test_tls_before_1_2_is_refused(stand: Stand) -> None:
    context = stand.client_tls()
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Wire(stand.tls, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_connection_shows_the_certificate_of_the_one_before_it(
    stand: Stand, version: ssl.TLSVersion
) -> None:
    context = stand.client_tls(device=True)
    context.minimum_version = context.maximum_version = version
    with Wire(stand.tls, context) as first:
        first.get("/")
        assert isinstance(first.socket, ssl.SSLSocket)
        session = first.socket.session
    context.load_cert_chain(stand.folder / "workload.pem", stand.folder / "workload.key")
    with Wire(stand.tls, context, session) as second:
        second.get("/")
        assert isinstance(second.socket, ssl.SSLSocket)
        assert not second.socket.session_reused
    shown = [
        certificate_in(asked.headers[CERTIFICATE_HEADER][0]) for asked in stand.check.questions
    ]
    uris = [certificate and certificate.uri for certificate in shown]
    assert uris == [stand.certificate_uri, stand.workload_uri]


@pytest.mark.timeout(60)
def test_a_connection_over_tls_ends_in_time_and_a_stream_on_it_goes_on() -> None:
    stand = Stand(Limits(tls_connection_seconds=1.0))
    try:
        stand.check.answer = streaming
        context = stand.client_tls(device=True)
        with (
            Wire(stand.plain) as plain,
            Wire(stand.tls, context) as idle,
            Wire(stand.tls, context) as busy,
            Wire(stand.tls, context) as live,
        ):
            assert "connection" not in plain.get("/").headers
            assert "connection" not in idle.get("/").headers
            request_lines = ("GET /live HTTP/1.1", "host: hr.example.test", *WEBSOCKET, "", "")
            live.send("\r\n".join(request_lines).encode())
            assert live.head()[0] == 101
            while busy.get("/").headers.get("connection") != ["close"]:
                time.sleep(0.1)
            assert busy.closed()
            assert idle.closed()
            time.sleep(0.5)
            live.send(b"ping")
            heard = b""
            while not heard.endswith(b"ping"):
                heard += live.exactly(1)
            assert "connection" not in plain.get("/").headers
    finally:
        stand.close()
