"""The whole gateway with the real Envoy: tickets, revocation, streams, the log."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from doorward.model.snapshot import Change
from tests.integration.gateway_control import wait_until
from tests.integration.gateway_estate import (
    FORBID,
    PERMIT,
    SignedIn,
    estate,
    policy,
    resource,
    service_token,
    sign_in,
    standing,
)
from tests.integration.gateway_running import DOMAIN, Answer, Client, RunningGateway
from tests.integration.gateway_upstream import Upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.close()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("gw"))
    running.control.start()
    running.control.publish(*estate(upstream.port, upstream.websocket_port))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def entered(gateway: RunningGateway, user: str = "alice", at: str = "wiki") -> SignedIn:
    person = sign_in(user, at)
    gateway.control.enforce(*person.changes)
    return person


def with_ticket(person: SignedIn, answer: Answer) -> str:
    return f"{person.cookie}; __Host-doorward-ticket={answer.cookies['__Host-doorward-ticket']}"


def engine_records(gateway: RunningGateway, person: SignedIn) -> int:
    return len(gateway.control.found(session=person.session, source="engine"))


def open_websocket(gateway: RunningGateway, person: SignedIn) -> ClientConnection:
    raw = socket.create_connection(("127.0.0.1", gateway.port))
    try:
        return connect(
            f"ws://chat.{DOMAIN}:{gateway.port}/live",
            sock=raw,
            additional_headers={"Cookie": f"app=1; {person.cookie}"},
            proxy=None,
        )
    except InvalidStatus:
        raw.close()
        raise


def test_a_ticket_spares_the_question_and_still_leaves_a_record(
    gateway: RunningGateway, upstream: Upstream
) -> None:
    person = entered(gateway)
    client = Client(gateway.port)
    first = client.get("/ticketed", cookie=f"app=1; {person.cookie}")
    assert first.status == 200
    assert "set-cookie" in first.headers
    cookie = with_ticket(person, first)
    for _ in range(5):
        again = client.get("/ticketed", cookie=f"app=1; {cookie}", doorward_user="mallory")
        assert again.status == 200
        seen = again.echoed()
        assert seen["doorward-user"] == ["alice"]
        assert seen["cookie"] == ["app=1"]
        assert len(seen["doorward-assertion"]) == 1
    client.close()
    wait_until(lambda: len(gateway.control.found(session=person.session, source="ticket")) == 5, 15)
    assert engine_records(gateway, person) == 1
    (asked,) = gateway.control.found(session=person.session, source="engine")
    for record in gateway.control.found(session=person.session, source="ticket"):
        assert (record.decision, record.path, record.action) == (asked.id, "/ticketed", "read")
    assert upstream.requests["/ticketed"] == 6


def test_a_ticket_for_reading_does_not_write(gateway: RunningGateway) -> None:
    person = entered(gateway)
    client = Client(gateway.port)
    cookie = with_ticket(person, client.get("/", cookie=person.cookie))
    assert client.get("/admin/x", cookie=cookie).status == 200
    assert client.get("/", "POST", cookie=cookie, content_length="0").status == 200
    assert client.get("/%61dmin/x", cookie=cookie).status == 200
    wait_until(lambda: engine_records(gateway, person) == 4, 5)
    actions = [r.action for r in gateway.control.found(session=person.session, source="engine")]
    assert sorted(actions) == ["read", "write", "write", "write"]
    client.close()


def test_a_ticket_of_another_resource_is_no_ticket(gateway: RunningGateway) -> None:
    person = entered(gateway)
    with Client(gateway.port) as client:
        cookie = with_ticket(person, client.get("/", cookie=person.cookie))
    with Client(gateway.port, f"payroll.{DOMAIN}") as elsewhere:
        assert elsewhere.get("/", cookie=cookie).status == 401


@pytest.mark.parametrize("signal", ["session", "user", "policy"])
def test_a_signal_is_effective_on_open_connections(gateway: RunningGateway, signal: str) -> None:
    person = entered(gateway)
    client = Client(gateway.port)
    cookie = with_ticket(person, client.get("/", cookie=person.cookie))
    assert client.get("/", cookie=cookie).status == 200
    acts: dict[str, tuple[Change, Change]] = {
        "session": (person.revoked, person.changes[0]),
        "user": (standing("alice", disabled=True), standing("alice", disabled=False)),
        "policy": (policy(FORBID), policy(PERMIT)),
    }
    act, undo = acts[signal]
    gateway.control.enforce(act)
    denied = client.get("/", cookie=cookie)
    assert denied.status in {401, 403}
    assert denied.headers["content-type"] == "application/problem+json"
    gateway.control.enforce(undo)
    assert client.get("/", cookie=cookie).status == 200
    client.close()


def test_a_service_token_works_until_it_is_revoked(gateway: RunningGateway) -> None:
    bearer, document = service_token()
    gateway.control.enforce(document)
    client = Client(gateway.port)
    answer = client.get("/", authorization=f"Bearer {bearer}")
    assert answer.status == 200
    seen = answer.echoed()
    assert seen["doorward-user"] == ["service:backup"]
    assert "authorization" not in seen
    assert answer.cookies == {}
    assert client.get("/", authorization=f"Bearer {bearer[:-1]}x").status == 401
    client.close()


def test_a_new_resource_is_reachable_once_applied(
    gateway: RunningGateway, upstream: Upstream
) -> None:
    with Client(gateway.port, f"fresh.{DOMAIN}") as fresh:
        assert fresh.get().status == 421
    gateway.control.enforce(resource("fresh", upstream.port))
    person = entered(gateway, at="fresh")
    with Client(gateway.port, f"fresh.{DOMAIN}") as fresh:
        wait_until(lambda: fresh.get("/", cookie=person.cookie).status == 200, 5)


def test_a_websocket_passes_through_the_relay(gateway: RunningGateway, upstream: Upstream) -> None:
    person = entered(gateway, at="chat")
    with open_websocket(gateway, person) as stream:
        for size in (1, 200, 70_000, 900_000):
            stream.send("x" * size)
            assert len(stream.recv(10)) == size
        handshake = {name.lower(): value for name, value in upstream.handshakes[-1].items()}
        assert handshake["doorward-user"] == "alice"
        assert handshake["cookie"] == "app=1"
        assert "doorward-stream" not in handshake
        assert handshake["host"].startswith("chat.")
        wait_until(lambda: gateway.control.health.open_streams == 1, 5)


def test_a_websocket_without_a_session_is_refused(gateway: RunningGateway) -> None:
    person = sign_in(at="chat")
    with pytest.raises(InvalidStatus) as caught:
        open_websocket(gateway, person)
    assert caught.value.response.status_code == 401


@pytest.mark.parametrize("signal", ["session", "user", "policy"])
def test_a_signal_cuts_open_websockets(gateway: RunningGateway, signal: str) -> None:
    person = entered(gateway, at="chat")
    bystander = entered(gateway, user="bob", at="chat")
    acts: dict[str, tuple[Change, Change]] = {
        "session": (person.revoked, person.changes[0]),
        "user": (standing("alice", disabled=True), standing("alice", disabled=False)),
        "policy": (policy(FORBID), policy(PERMIT)),
    }
    act, undo = acts[signal]
    with open_websocket(gateway, person) as stream, open_websocket(gateway, bystander) as other:
        stream.send("a")
        assert stream.recv(5) == "a"
        started = time.monotonic()
        gateway.control.publish(act)
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(5)
        assert time.monotonic() - started < 1
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        if signal != "policy":
            other.send("still here")
            assert other.recv(5) == "still here"
    gateway.control.enforce(undo)
    wait_until(
        lambda: gateway.control.found(session=person.session, source="stream", outcome="deny"), 5
    )


def test_a_stream_id_works_once_and_only_from_envoy(gateway: RunningGateway) -> None:
    person = entered(gateway, at="chat")
    client = Client(gateway.port, f"chat.{DOMAIN}")
    answer = client.get(
        "/live",
        cookie=person.cookie,
        upgrade="websocket",
        connection="upgrade",
        doorward_stream="guess",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
        sec_websocket_version="7",
    )
    assert answer.status in {400, 426}  # the application's own refusal, without its body
    assert answer.body == b""
    client.close()


def test_denials_are_recorded_with_what_was_asked(gateway: RunningGateway) -> None:
    client = Client(gateway.port)
    denied = client.get("/secret?token=x")
    problem = json.loads(denied.body)
    wait_until(lambda: problem["decision"] in gateway.control.records, 5)
    record = gateway.control.records[problem["decision"]]
    assert (record.path, record.reason, record.address) == ("/secret", "not-signed-in", "127.0.0.1")
    client.close()
