"""Whatever breaks, breaks to deny: the whole, with parts killed, cut off and starved."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.client import Client
from benchmarks.installation import Installation, cookie, estate_files, running, wait_ready
from tests.tools import free_ports

EXPIRY_SECONDS = 5
SESSIONS = 12
ALLOWED = 200


@pytest.fixture(scope="module")
def doorward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Control and gateway with people signed in, and a small application behind them."""
    folder = tmp_path_factory.mktemp("fail")
    port = free_ports()
    upstream = subprocess.Popen([sys.executable, "-m", "benchmarks.upstream", str(port)])
    settings = f"snapshot_expiry_seconds = {EXPIRY_SECONDS}\n"
    try:
        files = estate_files(port, SESSIONS, groups=2)
        with running(folder / "data", files, port, SESSIONS, settings) as installation:
            yield installation
    finally:
        upstream.terminate()
        upstream.wait()


def ask(doorward: Installation, session: int = 1) -> int:
    """The status of one request on a new connection; 0 where there was no answer."""

    async def once() -> int:
        client = Client(doorward.port, doorward.host, cookie(session))
        try:
            return await asyncio.wait_for(client.get(), 10)
        finally:
            client.close()

    return asyncio.run(once())


def eventually(holds: Callable[[], bool], seconds: float) -> float:
    """How long it took until `holds`."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it did not come to hold"
        time.sleep(0.02)
    return time.monotonic() - began


def command(doorward: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "doorward.entrypoints.cli.app",
            *arguments,
            "--data",
            str(doorward.folder.root),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def pid_of(doorward: Installation, part: str) -> int:
    """The process id of a child of the gateway: `decision_process` or `envoy`."""
    listing = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(doorward.processes["gateway"].pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = [
        int(line.split()[0]) for line in listing.splitlines() if part in line.split(None, 1)[1]
    ]
    assert len(found) == 1, listing
    return found[0]


@pytest.fixture(autouse=True)
def well(doorward: Installation) -> Iterator[None]:
    """Each test begins and ends with a doorward that lets in."""
    eventually(lambda: ask(doorward) == ALLOWED, 30)
    yield
    eventually(lambda: ask(doorward) == ALLOWED, 30)


def test_a_killed_decision_process_voids_every_ticket(doorward: Installation) -> None:
    async def scenario() -> int:
        client = Client(doorward.port, doorward.host, cookie(2))
        assert [await client.get() for _ in range(3)] == [ALLOWED] * 3
        os.kill(pid_of(doorward, "decision_process"), signal.SIGKILL)
        killed = time.monotonic()
        while (status := await client.get()) == ALLOWED:
            assert time.monotonic() - killed < 1
        client.close()
        return status

    assert asyncio.run(scenario()) == 503


def test_a_killed_envoy_comes_back_and_sessions_stay(doorward: Installation) -> None:
    os.kill(pid_of(doorward, "/envoy"), signal.SIGKILL)
    assert ask(doorward, 3) == 0
    eventually(lambda: ask(doorward, 3) == ALLOWED, 15)


def test_a_killed_gateway_takes_its_children_with_it(doorward: Installation) -> None:
    envoy, decision = pid_of(doorward, "/envoy"), pid_of(doorward, "decision_process")
    doorward.kill("gateway")
    eventually(lambda: not Path(f"/proc/{envoy}").exists(), 5)
    eventually(lambda: not Path(f"/proc/{decision}").exists(), 5)
    assert ask(doorward) == 0
    doorward.start("gateway")


def test_without_control_access_ends_with_the_snapshot(doorward: Installation) -> None:
    doorward.kill("control")
    killed_at = time.monotonic()
    assert ask(doorward) == ALLOWED
    eventually(lambda: ask(doorward) != ALLOWED, EXPIRY_SECONDS + 3)
    assert time.monotonic() - killed_at <= EXPIRY_SECONDS + 1
    assert ask(doorward) == 403
    doorward.start("control")
    wait_ready(doorward.folder.root)


def test_an_open_websocket_ends_with_the_snapshot(doorward: Installation) -> None:
    async def scenario() -> float:
        client = Client(doorward.port, doorward.host, cookie(4))
        status, reader = await client.websocket()
        assert status == 101
        doorward.kill("control")
        began = time.monotonic()
        async with asyncio.timeout(EXPIRY_SECONDS + 3):
            while await reader.read(4096):
                pass
        client.close()
        return time.monotonic() - began

    try:
        assert asyncio.run(scenario()) <= EXPIRY_SECONDS + 1
    finally:
        doorward.start("control")
        wait_ready(doorward.folder.root)


def test_no_record_no_allow(doorward: Installation) -> None:
    spool = doorward.folder.gateway / "spool" / "decisions"
    away = spool.with_name("away")
    spool.rename(away)
    try:
        eventually(lambda: ask(doorward) == 403, 5)

        async def kept() -> int:
            client = Client(doorward.port, doorward.host, cookie(5))
            status = await client.get()
            client.close()
            return status

        assert asyncio.run(kept()) == 403
    finally:
        away.rename(spool)


def test_a_bad_policy_is_refused_and_the_old_ones_stay(
    doorward: Installation, tmp_path: Path
) -> None:
    for name, text in estate_files(doorward.upstream_port, SESSIONS, groups=2).items():
        (tmp_path / name).write_text(text)
    with (tmp_path / "policies.cedar").open("a") as file:
        file.write(
            '@id("bad")\nforbid (principal, action, resource) when { context.nonsense > 1 };\n'
        )
    before = json.loads(command(doorward, "status", "--json").stdout)["snapshot"]
    refused = command(doorward, "apply", str(tmp_path))
    assert refused.returncode == 1
    assert "policies.cedar:" in refused.stderr
    assert json.loads(command(doorward, "status", "--json").stdout)["snapshot"] == before
    assert ask(doorward) == ALLOWED


def test_a_cookie_of_no_session_and_none_at_all_are_denied(doorward: Installation) -> None:
    async def status(secret: str) -> int:
        client = Client(doorward.port, doorward.host, secret)
        found = await client.get()
        client.close()
        return found

    assert asyncio.run(status(cookie(SESSIONS + 7))) == 401
    assert asyncio.run(status("")) in {400, 401}


def test_kill_9_loses_no_recorded_decision(doorward: Installation) -> None:
    marks = 40

    async def visit() -> int:
        client = Client(doorward.port, doorward.host, cookie(6))
        allowed = 0
        for _ in range(marks):
            allowed += await client.get() == ALLOWED
            client.forget_ticket()
        client.close()
        return allowed

    before = _count(doorward, "u6")
    allowed = asyncio.run(visit())
    doorward.kill("gateway")
    doorward.kill("control")
    doorward.start("control")
    doorward.start("gateway")
    wait_ready(doorward.folder.root)
    assert allowed == marks
    eventually(lambda: _count(doorward, "u6") == before + marks, 15)


def _count(doorward: Installation, subject: str) -> int:
    found = command(doorward, "log", "--subject", subject, "--limit", "1000", "--json")
    assert found.returncode == 0, found.stderr
    return len(json.loads(found.stdout)["decisions"])
