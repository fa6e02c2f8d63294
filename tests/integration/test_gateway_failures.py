"""Whatever breaks, breaks to deny: the whole gateway, one part at a time taken away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorward.adapters import keys
from doorward.adapters.spool import segment_numbers
from tests.integration.gateway_control import wait_until
from tests.integration.gateway_estate import SignedIn, estate, sign_in, standing
from tests.integration.gateway_running import Answer, Client, RunningGateway
from tests.integration.gateway_upstream import Upstream

Start = Callable[..., tuple[RunningGateway, SignedIn, str]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.close()


@pytest.fixture
def start(tmp_path: Path, upstream: Upstream) -> Iterator[Start]:
    """Starts a gateway with one signed-in person; answers it, them, and a cookie with a ticket."""
    running: list[RunningGateway] = []

    def started(**settings: float) -> tuple[RunningGateway, SignedIn, str]:
        gateway = RunningGateway(tmp_path, **settings)
        running.append(gateway)
        person = sign_in()
        gateway.control.start()
        gateway.control.publish(*estate(upstream.port, upstream.websocket_port), *person.changes)
        gateway.start()
        wait_until(lambda: get(gateway, person.cookie).status == 200, 10)
        return gateway, person, ticketed(gateway, person)

    yield started
    for gateway in running:
        gateway.stop()


def get(gateway: RunningGateway, cookie: str) -> Answer:
    with Client(gateway.port) as client:
        return client.get("/", cookie=cookie)


def status(gateway: RunningGateway, cookie: str) -> int:
    """The status, or 0 where nobody listens."""
    try:
        return get(gateway, cookie).status
    except OSError:
        return 0


def ticketed(gateway: RunningGateway, person: SignedIn) -> str:
    answer = get(gateway, person.cookie)
    return f"{person.cookie}; __Host-doorward-ticket={answer.cookies['__Host-doorward-ticket']}"


def test_a_killed_decision_process_voids_tickets_and_comes_back(start: Start) -> None:
    gateway, person, cookie = start()
    assert status(gateway, cookie) == 200
    with Client(gateway.port) as client:
        assert client.get("/", cookie=cookie).status == 200
        epoch = gateway.root / "envoy" / "epoch.json"
        before = epoch.read_text()
        old = gateway.kill("decision")
        wait_until(lambda: epoch.read_text() != before, 5)
        time.sleep(0.1)
        assert client.get("/", cookie=cookie).status in {421, 503}
    gateway.wait_for_new("decision", old)
    wait_until(lambda: status(gateway, person.cookie) == 200, 15)
    sessions = gateway.control.found(session=person.session)
    assert all(record.outcome == "allow" for record in sessions)


def test_a_killed_envoy_comes_back_with_sessions_kept(start: Start) -> None:
    gateway, person, _ = start()
    old = gateway.kill("envoy")
    gateway.wait_for_new("envoy", old)
    wait_until(lambda: status(gateway, person.cookie) == 200, 15)
    assert gateway.control.enforce(standing("alice", disabled=True)) < 5
    assert status(gateway, person.cookie) == 403


def test_a_killed_parent_takes_its_children_along(start: Start) -> None:
    gateway, _, cookie = start()
    children = gateway.children()
    assert set(children) == {"decision", "envoy"}
    assert gateway.parent is not None
    os.kill(gateway.parent.pid, signal.SIGKILL)
    gateway.parent.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()), 5)
    assert status(gateway, cookie) == 0


def test_a_silent_decision_process_is_replaced(start: Start) -> None:
    gateway, person, cookie = start()
    stopped = gateway.children()["decision"]
    os.kill(stopped, signal.SIGSTOP)
    gateway.wait_for_new("decision", stopped)
    wait_until(lambda: status(gateway, person.cookie) == 200, 15)
    assert status(gateway, cookie) == 200


def test_without_control_access_ends_with_the_snapshot(start: Start) -> None:
    gateway, person, cookie = start(expiry_seconds=6)
    gateway.control.stop()
    gone = time.monotonic()
    assert status(gateway, cookie) == 200
    assert status(gateway, person.cookie) == 200
    wait_until(lambda: status(gateway, cookie) == 403, 9)
    assert 4 < time.monotonic() - gone < 8
    assert status(gateway, person.cookie) == 403
    gateway.control.start()
    wait_until(lambda: status(gateway, person.cookie) == 200, 10)


def test_a_spool_that_cannot_be_written_denies_and_voids(start: Start) -> None:
    gateway, person, cookie = start(spool_megabytes=1)
    gateway.control.storing = False
    folder = gateway.root / "spool" / "decisions"
    filler = folder / "9999999999.jsonl"
    filler.write_bytes(b"\n" * (2 * 1024 * 1024))
    wait_until(lambda: status(gateway, cookie) == 403, 5)
    assert status(gateway, person.cookie) == 403
    filler.unlink()
    wait_until(lambda: status(gateway, person.cookie) == 200, 5)


def test_an_epoch_that_cannot_be_written_takes_envoy_down(start: Start) -> None:
    gateway, person, cookie = start()
    envoy_folder = gateway.root / "envoy"
    blocked = envoy_folder / ".epoch.json.new"
    blocked.mkdir()
    gateway.control.publish(standing("alice", disabled=True))
    wait_until(lambda: status(gateway, cookie) == 0, 10)
    assert "envoy" not in gateway.children()
    blocked.rmdir()
    wait_until(lambda: status(gateway, person.cookie) == 403, 20)
    assert status(gateway, cookie) == 403


def test_records_survive_kill_9_and_a_control_that_is_away(start: Start) -> None:
    gateway, person, cookie = start()
    gateway.control.stop()
    ids = set()
    for _ in range(20):
        answer = get(gateway, person.cookie)
        ids.add(answer.echoed()["doorward-assertion"][0])
        assert status(gateway, cookie) == 200
    assert segment_numbers(gateway.root / "spool" / "decisions")
    time.sleep(1.2)
    for child in ("decision", "envoy"):
        old = gateway.kill(child)
        gateway.wait_for_new(child, old)
    before = len(gateway.control.found(session=person.session, source="engine"))
    gateway.control.start()
    wait_until(
        lambda: len(gateway.control.found(session=person.session, source="engine")) >= before + 20,
        15,
    )
    wait_until(
        lambda: len(gateway.control.found(session=person.session, source="ticket")) >= 20, 15
    )


def test_another_control_key_is_not_followed(start: Start) -> None:
    gateway, person, _ = start()
    gateway.control._signing = keys.signing_key(keys.new_signing_key()[0])
    gateway.control.publish(standing("alice", disabled=True))
    # A refused frame ends the link.
    wait_until(lambda: len(gateway.control.hellos) >= 2, 15)
    assert status(gateway, person.cookie) == 200
    assert gateway.control.hellos[-1].number == 1
