"""The whole chain without a stand-in: the real agent, real facts of this machine, Chromium."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from tests.e2e.demo import Demo, doorward
from tests.e2e.enrolling import Home, certificate_chosen_by_policy, secure
from tests.e2e.test_device_day import NEEDS_A_HEALTHY_DEVICE, sign_in
from tests.e2e.test_identity_day import shot

COMPLIANCE = """
[[compliance]]
id = "quiet"
name = "Nothing is open to the network"
mode = "enforce"

[[compliance.checks]]
fact = "listeners"
allowed = {allowed}
trust = 1
words = "End the program that listens to the network."
link = "https://help.example.org/listeners"
"""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with certificate_chosen_by_policy(), sync_playwright() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Agent:
    """`doorward agent` on this machine, with a folder and a browser's store of its own."""

    state: Path
    nss: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """One command, running."""
        return subprocess.Popen(
            [str(doorward()), "agent", *arguments, "--state", str(self.state)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def report(self) -> list[dict[str, Any]]:
        """A new certificate, for the browser too, and a report; what must be repaired."""
        with self.start("report", "--nss", str(self.nss), "--json") as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        found: list[dict[str, Any]] = json.loads(output)
        return [item for item in found if not item["advice"]]

    def status(self) -> tuple[int, dict[str, Any]]:
        """What the agent tells its person, and how it exits."""
        with self.start("status", "--json") as process:
            output, _ = process.communicate(timeout=60)
        return process.returncode, json.loads(output)


def open_ports() -> list[str]:
    """What the agent finds open on this machine just now."""
    command = [str(doorward()), "agent", "facts", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    value = next(fact["value"] for fact in found if fact["name"] == "listeners")
    assert isinstance(value, list)
    return value


@contextmanager
def a_listener() -> Iterator[None]:
    """Something that this machine should not have: a port open to the network."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        yield


def enrol(demo: Demo, page: Page, agent: Agent) -> None:
    """The agent shows a code and words; its owner types the one and compares the others."""
    ca = demo.data / "control/keys/server-ca.pem"
    server = secure(demo, "auth", "").rstrip("/")
    process = agent.start(
        "enrol", "--server", server, "--ca", str(ca), "--name", "Laptop of Carol", "--tpm", "off"
    )
    with process:
        assert process.stdout is not None
        shown: dict[str, str] = {}
        while "Words" not in shown:
            name, _, text = process.stdout.readline().strip().partition("  ")
            assert name, f"the agent ended with {process.wait()}"
            shown[name] = text.strip()
        page.goto(shown["Open"].replace(demo.url("auth", ""), secure(demo, "auth", "")))
        page.get_by_label("Code from the device").fill(shown["Type"])
        page.get_by_role("button", name="Go on").click()
        expect(page.locator(".spoken code")).to_have_text(shown["Words"])
        page.get_by_role("button", name="Yes, enrol it").click()
        expect(page.get_by_role("status")).to_contain_text("The device is being enrolled")
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "its key is in" in output


def test_the_agent_s_day(demo: Demo, playwright: Playwright, tmp_path: Path) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(demo.data / "estate", estate)
    (estate / "devices.cedar").write_text(NEEDS_A_HEALTHY_DEVICE)
    (estate / "quiet.toml").write_text(COMPLIANCE.format(allowed=json.dumps(open_ports())))
    demo.run("apply", str(estate))
    home = Home.make(tmp_path / "home", demo)
    agent = Agent(tmp_path / "agent", home.store)
    with home.browser(playwright) as (_, page):
        sign_in(demo, page, "carol")
        enrol(demo, page, agent)
    assert agent.report() == []
    (device,) = [item for item in demo.json("device", "list") if item["owner"] == "carol"]
    assert (device["name"], device["healthy"]) == ("Laptop of Carol", True)

    with home.browser(playwright) as (_, page):
        sign_in(demo, page, "carol")
        page.goto(secure(demo, "board"))
        state = page.locator("#state")
        expect(state).to_have_text("Live.")
        with a_listener():
            began = time.time()
            (failing,) = agent.report()
            assert failing["fact"] == "listeners"
            expect(state).to_have_text("The connection was closed.", timeout=1_000)
            assert time.time() - began < 30
            answer = page.goto(secure(demo, "board"))
            assert answer is not None
            assert answer.status == 403
            expect(page.locator("main")).to_contain_text("Ports open to the network")
            page.get_by_role("link", name="Repair this device").click()
            expect(page.locator("main")).to_contain_text("End the program that listens")
            how = page.get_by_role("link", name="How to")
            expect(how).to_have_attribute("href", "https://help.example.org/listeners")
            shot(page, "agent-repair")
            code, told = agent.status()
            assert code == 1
            assert failing in told["failing"]
        assert agent.report() == []
        page.goto(secure(demo, "board"))
        expect(state).to_have_text("Live.")
    shown = demo.json("device", "show", device["id"])
    assert {fact["name"]: fact["trust"] for fact in shown["facts"]}["listeners"] == "signed"
    demo.run("apply", str(demo.data / "estate"))
