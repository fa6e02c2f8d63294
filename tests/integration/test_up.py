"""`doorward up --demo` as a whole: start, status, plan, apply, service token, kill -9, restart."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import demo as installation
from tests.e2e.demo import Demo
from tests.integration.process_tree import descendants, resident_mebibytes
from tests.tools import free_ports

RECOVERY_SECONDS = 20.0
IDLE_MEBIBYTES = 400


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = installation.start(tmp_path_factory.mktemp("up"))
    yield running
    installation.stop(running)


def issue(demo: Demo) -> str:
    return str(demo.json("token", "issue", "ci", "--resource", "reports")["bearer"])


@pytest.fixture(scope="module")
def token(demo: Demo) -> str:
    return issue(demo)


def eventually(told: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not told():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def well(demo: Demo) -> bool:
    status = demo.run("status", "--json", check=False)
    return status.returncode == 0 and bool(json.loads(status.stdout)["ok"])


def ask(demo: Demo, host: str, path: str = "/", token: str = "") -> httpx.Response:
    headers = {"host": f"{host}.doorward.localhost:{demo.port}"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return httpx.get(f"http://127.0.0.1:{demo.port}{path}", headers=headers)


def answers(demo: Demo, token: str) -> bool:
    try:
        return ask(demo, "reports", "/reports", token).status_code == 200
    except httpx.HTTPError:
        return False


def test_status_names_every_address(demo: Demo) -> None:
    addresses = demo.json("status")["addresses"]
    for host in ("handbook", "board", "reports", "payroll", "console"):
        assert addresses[host] == demo.url(host)


def test_it_says_where_to_go(demo: Demo) -> None:
    eventually(lambda: "/invitation#" in demo.printed(), demo.printed())
    assert demo.url("payroll") in demo.printed()


def test_the_applied_estate_leaves_nothing_to_plan(demo: Demo) -> None:
    assert demo.json("plan", str(demo.data / "estate"))["steps"] == []


def test_a_change_is_planned_applied_and_gone_from_the_plan(demo: Demo, tmp_path: Path) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(demo.data / "estate", estate)
    people = estate / "people.toml"
    people.write_text(people.read_text().replace('name = "Dave"', 'name = "David"'))
    [step] = demo.json("plan", str(estate))["steps"]
    assert (step["act"], step["kind"], step["id"]) == ("change", "user", "dave")
    applied = demo.json("apply", str(estate))
    assert applied["effect"]["enforced"] is True
    assert demo.json("plan", str(estate))["steps"] == []
    demo.run("apply", str(demo.data / "estate"))


def test_an_estate_with_errors_is_told_line_by_line_and_not_applied(
    demo: Demo, tmp_path: Path
) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(demo.data / "estate", estate)
    (estate / "more.toml").write_text('[[user]]\nid = "eve"\nname = "Eve"\nemail = "no"\n')
    (estate / "worse.cedar").write_text('@id("worse")\npermit (principal, action, resource')
    before = demo.json("status")["snapshot"]
    refused = demo.run("apply", str(estate), check=False)
    assert refused.returncode == 1
    assert "more.toml:4: " in refused.stderr
    assert "worse.cedar:" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert demo.json("status")["snapshot"] == before


def test_a_service_token_opens_its_resource_and_no_other(demo: Demo, token: str) -> None:
    answer = ask(demo, "reports", "/reports", token)
    assert answer.status_code == 200
    assert answer.json()["for"] == "service:ci"
    assert ask(demo, "handbook", "/", token).status_code == 403
    assert ask(demo, "reports", "/reports", token[:-1] + "x").status_code in {401, 403}


def test_curl_gets_through_with_the_token(
    demo: Demo, token: str, require_tool: Callable[[str], Path]
) -> None:
    host = f"reports.doorward.localhost:{demo.port}"
    done = subprocess.run(
        [
            str(require_tool("curl")),
            *("--silent", "--fail", "--resolve", f"{host}:127.0.0.1"),
            *("--header", "@-", f"http://{host}/reports/2026-q1"),
        ],
        input=f"Authorization: Bearer {token}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["revenue"] == 412_000


def test_without_a_session_a_browser_is_sent_to_sign_in(demo: Demo) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{demo.port}/",
        headers={
            "host": f"payroll.doorward.localhost:{demo.port}",
            "accept": "text/html",
            "sec-fetch-mode": "navigate",
        },
    )
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(demo.url("auth", "/start?"))


def test_the_idle_whole_is_small(demo: Demo) -> None:
    sizes = {name: resident_mebibytes(pid) for pid, name in descendants(demo.process.pid).items()}
    assert sum(sizes.values()) < IDLE_MEBIBYTES, sizes


@pytest.mark.parametrize(
    "part", ["entrypoints.control.process", "decision_process", "envoy/_bin/envoy", "gateway.main"]
)
def test_what_is_killed_comes_back(demo: Demo, token: str, part: str) -> None:
    running = descendants(demo.process.pid)
    [victim] = [pid for pid in running if part in running[pid] and pid != demo.process.pid]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: victim not in descendants(demo.process.pid), f"{part} stays")
    eventually(lambda: answers(demo, token) and well(demo), f"not well after {part} was killed")


def test_a_second_up_on_the_same_folder_is_refused_in_one_line(demo: Demo) -> None:
    refused = demo.run("up", "--demo", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("doorward: Another doorward up runs on ")
    assert refused.stderr.count("\n") == 1


def test_a_port_in_use_is_told_in_one_line_and_leaves_no_folder(tmp_path: Path) -> None:
    port = free_ports(installation.PORTS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + 2))
        taken.listen()
        refused = subprocess.run(
            [
                str(installation.doorward()),
                *("up", "--port", str(port), "--data", str(tmp_path / "data")),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"doorward: Port {port + 2} is in use")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_restart_keeps_what_was_there_and_leaves_nothing_running(tmp_path: Path) -> None:
    demo = installation.start(tmp_path)
    token = issue(demo)
    demo.run("user", "risk", "dave", "42")
    before = set(descendants(demo.process.pid))
    installation.stop(demo)
    assert not [pid for pid in before if Path(f"/proc/{pid}").exists()]
    output = tmp_path / "again.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [str(installation.doorward()), "up", "--demo", "--data", str(demo.data)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    again = Demo(demo.data, demo.port, output, process)
    try:
        eventually(lambda: answers(again, token) and well(again), "not well after a restart")
        [dave] = [user for user in again.json("user", "list") if user["id"] == "dave"]
        assert dave["risk"] == 42
        assert again.run("audit", "verify").returncode == 0
    finally:
        installation.stop(again)
