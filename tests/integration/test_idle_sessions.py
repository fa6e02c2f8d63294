"""Through the whole of doorward: what nobody uses ends, what is used by tickets or typing stays."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.gateway_control import wait_until
from tests.integration.gateway_upstream import Upstream
from tests.integration.scim_running import (
    CEDAR,
    DOMAIN,
    Running,
    files,
    publish,
    signed_in,
    start,
)

LIMIT_SECONDS = 4
ENDS_WITHIN_SECONDS = 20
OPEN = CEDAR + '@id("owner") permit (principal == User::"owner", action, resource);\n'


def open_to_the_owner(upstream: Upstream) -> dict[str, str]:
    return files(upstream) | {"policies.cedar": OPEN}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("idle")
    limit = f"session_idle_seconds = {LIMIT_SECONDS}\n"
    doorward = start(folder, open_to_the_owner, settings=limit)
    yield doorward
    doorward.stop()


class Person:
    """Somebody with a session of their own at one resource."""

    def __init__(self, resource: str) -> None:
        self.cookie, self.changes = signed_in("owner", resource)
        self.ticket = ""

    def asks(self, browser: httpx.Client) -> int:
        """The status of one request, with a ticket where there is one."""
        answer = browser.get("/", headers={"cookie": self.cookie + self.ticket})
        ticket = answer.cookies.get("__Host-doorward-ticket")
        self.ticket = f"; __Host-doorward-ticket={ticket}" if ticket else self.ticket
        browser.cookies.clear()
        return answer.status_code


def is_open(stream: ClientConnection) -> bool:
    try:
        stream.recv(0.01)
    except TimeoutError:
        return True
    except ConnectionClosed:
        return False
    return True


def test_silence_ends_a_session_and_tickets_and_typing_keep_it(running: Running) -> None:
    with ExitStack() as stack:
        wiki = stack.enter_context(running.client("wiki"))
        clicks, away = Person("wiki"), Person("wiki")
        chats = {"types": Person("chat"), "listens": Person("chat")}
        people = [clicks, away, *chats.values()]
        publish(running, [change for person in people for change in person.changes])
        wait_until(lambda: away.asks(wiki) == 200, 10)
        streams = {}
        for name, person in chats.items():
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
            streams[name] = stack.enter_context(
                connect(
                    f"ws://chat.{DOMAIN}:{running.port}/live",
                    sock=raw,
                    additional_headers={"Cookie": person.cookie},
                    proxy=None,
                )
            )
        began = time.monotonic()
        while is_open(streams["listens"]):
            assert clicks.asks(wiki) == 200
            streams["types"].send("still here")
            with suppress(ConnectionClosed):  # it may end at any moment
                streams["listens"].ping()
            time.sleep(0.4)
            assert is_open(streams["types"])
            assert time.monotonic() - began < ENDS_WITHIN_SECONDS
        assert time.monotonic() - began >= LIMIT_SECONDS
        time.sleep(1.5)
        assert clicks.asks(wiki) == 200
        assert away.asks(wiki) in {302, 303, 401}
    with running.api() as api:
        audit = api.get("/audit").json()
    acts = [entry["act"] for entry in audit]
    assert acts.count("session-idle") == 2
