"""A day with a transmitter of signals: the real processes, the real Envoy, the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.demo import Demo, doorward
from tests.fakes.signals_transmitter import RISC, TOKEN, Transmitter, serve

DECLARED = """\
[[transmitter]]
id = "watch"
name = "Watch"
issuer = "{issuer}"
delivery = "{delivery}"
events = ["account-disabled", "account-enabled"]
effects = ["disable"]
domains = ["example.com"]
"""
CAROL = {"format": "email", "email": "carol@example.com"}
APPLIED_SECONDS = 5.0


@contextmanager
def running() -> Iterator[Transmitter]:
    """A transmitter in a thread of its own."""
    there, ready, over = Transmitter("", time.time), threading.Event(), asyncio.Event()

    async def until_over() -> None:
        async with serve(there):
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(until_over(),))
    thread.start()
    ready.wait(10)
    try:
        yield there
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def there() -> Iterator[Transmitter]:
    with running() as transmitter:
        yield transmitter


def declare(demo: Demo, there: Transmitter, delivery: str) -> None:
    estate = demo.data / "estate"
    declared = DECLARED.format(issuer=there.issuer, delivery=delivery)
    (estate / "transmitter.toml").write_text(declared, "utf-8")
    demo.run("apply", str(estate))


def give_secret(demo: Demo) -> None:
    command = [str(doorward()), "signal", "secret", "watch", "--data", str(demo.data)]
    said = subprocess.run(
        command, input=f"{TOKEN}\n", text=True, capture_output=True, check=True, timeout=60
    )
    assert TOKEN not in said.stdout + said.stderr


def carol(demo: Demo) -> dict[str, Any]:
    found: dict[str, Any] = next(u for u in demo.json("user", "list") if u["id"] == "carol")
    return found


def deliver(demo: Demo, there: Transmitter, token: str, bearer: str = "") -> httpx.Response:
    """Through Envoy, to where the transmitter was told to."""
    delivery = (there.stream or {})["delivery"]
    headers = {
        "host": f"auth.doorward.localhost:{demo.port}",
        "content-type": "application/secevent+jwt",
        "authorization": bearer or delivery["authorization_header"],
    }
    path = urlsplit(delivery["endpoint_url"]).path
    return httpx.post(f"http://127.0.0.1:{demo.port}{path}", content=token, headers=headers)


def test_a_pushed_event_keeps_a_person_out_and_lets_them_in_again(
    demo: Demo, there: Transmitter
) -> None:
    declare(demo, there, "push")
    give_secret(demo)
    assert demo.json("signal", "connect", "watch")["status"] == "enabled"
    forged = deliver(demo, there, there.token(f"{RISC}account-disabled", {}, CAROL), "Bearer no")
    assert (forged.status_code, forged.json()["err"]) == (400, "authentication_failed")
    assert not carol(demo)["disabled"]
    taken = deliver(demo, there, there.token(f"{RISC}account-disabled", {}, CAROL))
    assert (taken.status_code, taken.content) == (202, b"")
    assert carol(demo)["disabled_by"] == ["transmitter:watch"]
    deliver(demo, there, there.token(f"{RISC}account-enabled", {}, CAROL))
    assert not carol(demo)["disabled"]
    signals = demo.json("signal", "received", "--limit", "2")["signals"]
    assert [item["outcome"] for item in signals] == ["applied", "applied"]
    assert "account-disabled" in demo.run("signal", "received").stdout
    demo.run("signal", "disconnect", "watch")
    assert there.stream is None


def test_a_polled_event_is_fetched_applied_and_acknowledged(demo: Demo, there: Transmitter) -> None:
    declare(demo, there, "poll")
    give_secret(demo)
    demo.run("signal", "connect", "watch")
    verified = demo.run("signal", "verify", "watch")
    assert "its stream works" in verified.stdout
    assert "enabled, verified" in demo.run("signal", "transmitters").stdout
    there.status = "paused"
    assert demo.json("signal", "status", "watch")["status"] == "paused"
    began = time.monotonic()
    jti = there.offer(f"{RISC}account-disabled", {}, CAROL)
    while jti not in there.acknowledged and time.monotonic() < began + APPLIED_SECONDS:
        time.sleep(0.05)
    assert jti in there.acknowledged
    assert carol(demo)["disabled"]
    audit = json.dumps(demo.json("audit", "list"))
    assert jti in audit
    assert TOKEN not in audit
    demo.run("user", "enable", "carol")
    demo.run("signal", "disconnect", "watch")


def test_a_wrong_command_teaches(demo: Demo, there: Transmitter) -> None:
    declare(demo, there, "push")
    unknown = demo.run("signal", "connect", "nobody", check=False)
    assert unknown.returncode == 1
    assert "doorward signal transmitters" in unknown.stderr
    off = demo.run("signal", "verify", "watch", check=False)
    assert (off.returncode, "doorward signal connect watch" in off.stderr) == (1, True)
    empty = demo.run("signal", "secret", "watch", check=False)
    assert (empty.returncode, "Pipe it in" in empty.stderr) == (1, True)
