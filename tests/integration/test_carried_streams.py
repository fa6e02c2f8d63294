"""Answers that last, through the real gateway and Envoy: cut within a second, and only those."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from doorward.model.snapshot import Change, removal
from tests.integration.boundary_http2 import Http2Stream, request
from tests.integration.gateway_control import wait_until
from tests.integration.gateway_estate import (
    PERMIT,
    SignedIn,
    estate,
    policy,
    resource,
    service_token,
    sign_in,
    standing,
)
from tests.integration.gateway_running import DOMAIN, Client, RunningGateway
from tests.integration.lasting_upstream import LastingUpstream
from tests.tools import free_ports

EVENTS = "accept: text/event-stream"
FORBID_ALICE = """@id("everyone")
permit(principal, action, resource) unless { principal == User::"alice" };"""
QUICK, IDLE = "/events?every=0.05", "/events?every=60"


@pytest.fixture(scope="module")
def lasting() -> Iterator[LastingUpstream]:
    running = LastingUpstream()
    yield running
    running.close()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, lasting: LastingUpstream
) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("gw"))
    running.control.start()
    running.control.publish(
        *estate(lasting.port, lasting.port),
        resource("files", lasting.port, streams=True),
        resource("rpc", lasting.rpc_port, protocol="http2"),
        resource("gone", free_ports(), streams=True),
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


def cookie(person: SignedIn) -> str:
    return f"cookie: own=1; {person.cookie}"


def entered(gateway: RunningGateway, user: str = "alice", at: str = "wiki") -> SignedIn:
    person = sign_in(user, at)
    gateway.control.enforce(*person.changes)
    return person


class Asking:
    """One request on a connection of its own, whose answer is read bit by bit."""

    def __init__(
        self, gateway: RunningGateway, who: str, target: str, *more: str, at: str = "wiki"
    ) -> None:
        """`who` is a line that proves it."""
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), 10)
        lines = [
            f"GET {target} HTTP/1.1",
            f"host: {at}.{DOMAIN}:{gateway.port}",
            who,
            *more,
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.read = bytearray()

    def until(self, text: bytes) -> None:
        """Read until `text` came, after what came before."""
        self.read = bytearray()
        while text not in self.read[-100_000:]:
            data = self.socket.recv(65536)
            assert data, self.read
            self.read += data

    def end(self) -> float:
        """Read to the end; the moment at which it came."""
        try:
            while data := self.socket.recv(65536):
                self.read += data
        except ConnectionResetError:
            pass
        self.socket.close()
        return time.monotonic()


@pytest.mark.parametrize("signal", ["session", "user", "policy"])
def test_a_signal_ends_events_busy_or_idle_and_only_those(
    gateway: RunningGateway, signal: str
) -> None:
    person, bystander = entered(gateway), entered(gateway, "bob")
    acts: dict[str, tuple[Change, Change]] = {
        "session": (person.revoked, person.changes[0]),
        "user": (standing("alice", disabled=True), standing("alice", disabled=False)),
        "policy": (policy(FORBID_ALICE), policy(PERMIT)),
    }
    act, undo = acts[signal]
    busy = Asking(gateway, cookie(person), QUICK, EVENTS)
    idle = Asking(gateway, cookie(person), IDLE, EVENTS)
    other = Asking(gateway, cookie(bystander), QUICK, EVENTS)
    for asking in (busy, idle, other):
        asking.until(b"data: 0")
    started = time.monotonic()
    gateway.control.publish(act)
    assert busy.end() - started < 1
    assert idle.end() - started < 1
    assert not busy.read.endswith(b"0\r\n\r\n"), "a client must see that this is not the end"
    for _ in range(3):
        other.until(b"data:")
    other.socket.close()
    gateway.control.enforce(undo)


def test_events_of_a_revoked_token_end(gateway: RunningGateway) -> None:
    bearer, document = service_token()
    gateway.control.enforce(document)
    asking = Asking(gateway, f"authorization: Bearer {bearer}", QUICK, EVENTS)
    asking.until(b"data: 0")
    started = time.monotonic()
    gateway.control.publish(removal("service_token", bearer.partition(".")[0]))
    assert asking.end() - started < 1


def test_of_many_streams_at_once_those_of_one_person_end(gateway: RunningGateway) -> None:
    """Each has a connection of its own, however they overlap on their way through Envoy."""
    person, bystander = entered(gateway), entered(gateway, "bob")
    pairs = [
        (
            Asking(gateway, cookie(person), IDLE, EVENTS),
            Asking(gateway, cookie(bystander), QUICK, EVENTS),
        )
        for _ in range(40)
    ]
    for mine, other in pairs:
        mine.until(b"data: 0")
        other.until(b"data: 0")
    started = time.monotonic()
    gateway.control.publish(person.revoked)
    assert max(mine.end() for mine, _ in pairs) - started < 1
    for _, other in pairs:
        other.until(b"data:")
        other.until(b"data:")
        other.socket.close()


def test_a_grpc_call_under_way_ends(gateway: RunningGateway) -> None:
    person = entered(gateway, at="rpc")
    kind = ("content-type", "application/grpc")
    asked = request("POST", f"rpc.{DOMAIN}", "/s.S/M", kind, ("cookie", person.cookie))
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as plain:
        call = Http2Stream(plain, asked)
        assert call.headers()["content-type"] == "application/grpc"
        call.send(b"one")
        assert call.data() == b"one"
        started = time.monotonic()
        gateway.control.publish(person.revoked)
        assert call.reset() is not None
        assert time.monotonic() - started < 1


def test_a_grpc_call_passes_with_its_trailers(gateway: RunningGateway) -> None:
    person = entered(gateway, at="rpc")
    kind = ("content-type", "application/grpc")
    asked = request("POST", f"rpc.{DOMAIN}", "/s.S/M", kind, ("cookie", person.cookie))
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as plain:
        call = Http2Stream(plain, asked)
        call.headers()
        for number in range(3):
            call.send(b"%d" % number, last=number == 2)
            assert call.data() == b"%d" % number
        assert call.trailers()["grpc-status"] == "0"


def test_a_download_ends_where_the_resource_says_streams(
    gateway: RunningGateway, lasting: LastingUpstream
) -> None:
    """Nor does a client get much of what was under way, though it was slow to read."""
    person = entered(gateway, at="files")
    target = "/framed?bytes=500000000&name=download"
    asking = Asking(gateway, cookie(person), target, at="files")
    asking.until(b"xxxx")
    time.sleep(0.3)
    started = time.monotonic()
    gateway.control.enforce(person.revoked)
    asking.end()
    assert time.monotonic() - started < 1
    assert len(asking.read) < 16_000_000
    wait_until(lambda: lasting.open["download"] == 0, 2)


def test_the_end_of_an_answer_reaches_a_slow_client(gateway: RunningGateway) -> None:
    person, size = entered(gateway, at="files"), 20_000_000
    asking = Asking(gateway, cookie(person), f"/whole?bytes={size}", at="files")
    time.sleep(1.5)  # more than what a relayed handshake is given
    asking.until(b"0\r\n\r\n")
    assert asking.read.count(b"x") >= size
    asking.socket.close()


def test_an_answer_that_is_no_stream_passes_as_it_is(
    gateway: RunningGateway, lasting: LastingUpstream
) -> None:
    person = entered(gateway)
    connections = set()
    with Client(gateway.port) as client:
        for method, body in (("GET", ""), ("POST", "a body"), ("GET", "")):
            answer = client.get(
                "/seen", method, body, cookie=f"own=1; {person.cookie}", accept="text/event-stream"
            )
            assert answer.status == 200
            assert "set-cookie" not in answer.headers, "no ticket"
            seen = json.loads(answer.body)
            assert seen["body"] == body
            assert seen["headers"]["cookie"] == "own=1"
            assert seen["headers"]["doorward-user"] == "alice"
            assert "doorward-stream" not in seen["headers"]
            connections.add(seen["connection"])
    assert len(connections) == 3, "no connection is used twice"
    asked = [r.path for r in gateway.control.found(session=person.session, source="ticket")]
    assert asked == []


def test_each_side_s_end_reaches_the_other(
    gateway: RunningGateway, lasting: LastingUpstream
) -> None:
    person = entered(gateway)
    ended = Asking(gateway, cookie(person), "/events?every=0.01&last=3", EVENTS)
    ended.until(b"0\r\n\r\n")
    assert b"x-own: kept" in ended.read
    assert ended.read.count(b"data: ") == 3
    ended.socket.close()
    left = Asking(gateway, cookie(person), IDLE + "&name=left", EVENTS)
    left.until(b"data: 0")
    assert lasting.open["left"] == 1
    left.socket.close()
    wait_until(lambda: lasting.open["left"] == 0, 2)
    wait_until(lambda: gateway.control.health.open_streams == 0, 5)


def test_who_is_not_let_in_gets_no_stream(gateway: RunningGateway) -> None:
    with Client(gateway.port) as client:
        answer = client.get(QUICK, accept="text/event-stream")
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_upstream_that_is_not_there_is_said_at_once(gateway: RunningGateway) -> None:
    person = entered(gateway, at="gone")
    with Client(gateway.port, f"gone.{DOMAIN}") as client:
        assert client.get("/", cookie=person.cookie).status == 503
    wait_until(lambda: gateway.control.health.open_streams == 0, 5)
