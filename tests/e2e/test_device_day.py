"""A device's day in real Chromium over TLS: enrolled, used, unwell, cut off, repaired; stolen."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from doorward.adapters import installation
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.model.spiffe import device_spiffe_id
from doorward.protocol.enrolled_key import key_words
from tests.e2e.demo import Demo
from tests.e2e.enrolling import (
    DOMAIN,
    Home,
    StandIn,
    ask,
    certificate_chosen_by_policy,
    connection,
    secure,
    write_pair,
)
from tests.e2e.test_identity_day import shot
from tests.fakes.device_pairs import csr_for
from tests.tools import require_node_package

NEEDS_A_HEALTHY_DEVICE = """
@id("board-on-healthy-devices")
forbid (principal is User, action, resource == Resource::"board")
unless { context has device.healthy && context.device.healthy };
"""
SERVICE_ON_A_HOST = """
[[service]]
id = "reporting"
name = "Nightly reports"
groups = ["automation"]
hosts = ["mill-1"]
"""
SERVICE_READS = """
@id("reports-for-reporting")
permit (
  principal == Service::"reporting", action == Action::"read", resource == Resource::"reports"
);
"""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with certificate_chosen_by_policy(), sync_playwright() as running:
        yield running


@dataclass
class Day:
    """What one test leaves for the next to look at."""

    demo: Demo
    device: StandIn
    files: tuple[Path, Path]
    cookie: str = ""


def sign_in(demo: Demo, page: Page, user: str) -> None:
    """By an invitation and a new passkey, over TLS."""
    link = str(demo.json("user", "invite", user)["link"])
    page.goto(link.replace(demo.url("auth", ""), secure(demo, "auth", "")))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def faultless(page: Page) -> None:
    """By axe-core, light and dark, on a desk and on a phone."""
    axe = (require_node_package("axe-core") / "axe.min.js").read_text("utf-8")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate(axe)
            found = page.evaluate("axe.run().then((results) => results.violations)")
            assert not found, f"{page.url} {scheme} {width}: {found}"
    page.emulate_media(color_scheme="light")


def enrol_in_browser(demo: Demo, page: Page, device: StandIn) -> None:
    """The owner types the code and says yes; then the device fetches its name."""
    started = device.ask()
    page.goto(started["url"].replace(demo.url("auth", ""), secure(demo, "auth", "")))
    shot(page, "enrol-code")
    faultless(page)
    page.get_by_label("Code from the device").fill("00000000")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("No device waits for this code")
    page.get_by_label("Code from the device").fill(started["user_code"])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name=device.name)).to_be_visible()
    expect(page.locator(".spoken code")).to_have_text(key_words(device.device.public_key))
    shot(page, "enrol-approve")
    faultless(page)
    assert not device.fetch(started["enrolment"])
    page.get_by_role("button", name="Yes, enrol it").click()
    expect(page.get_by_role("status")).to_contain_text("The device is being enrolled")
    assert device.fetch(started["enrolment"])
    page.goto(secure(demo, "auth", "/account/devices"))
    expect(page.get_by_role("heading", name=re.compile(device.name))).to_be_visible()
    shot(page, "enrol-devices")


def cookies_of(context: BrowserContext, demo: Demo, host: str) -> str:
    """What a thief would copy: session and ticket."""
    found = context.cookies(secure(demo, host))
    names = {item["name"] for item in found}
    assert {"__Host-doorward-session", "__Host-doorward-ticket"} <= names
    return "; ".join(f"{item['name']}={item['value']}" for item in found)


def logged_reason(demo: Demo, decision: str) -> str:
    """Why a decision was made, as its record says, which follows within moments."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for record in demo.json("log", "--resource", "board", "--limit", "20")["decisions"]:
            if record["id"] == decision:
                return str(record["reason"])
        time.sleep(0.2)
    return ""


def test_a_day(demo: Demo, playwright: Playwright, tmp_path: Path) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(demo.data / "estate", estate)
    (estate / "devices.cedar").write_text(NEEDS_A_HEALTHY_DEVICE)
    demo.run("apply", str(estate))
    home = Home.make(tmp_path / "home", demo)
    laptop = StandIn(demo, "Laptop of Carol")

    with home.browser(playwright) as (_, page):
        sign_in(demo, page, "carol")
        answer = page.goto(secure(demo, "board"))
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("link", name="Use an enrolled device")).to_be_visible()
        enrol_in_browser(demo, page, laptop)
    files = laptop.certificate(tmp_path)
    home.keep(files)

    with home.browser(playwright) as (context, page):
        sign_in(demo, page, "carol")
        bound = [item for item in demo.json("session", "list", "--user", "carol") if item["device"]]
        assert [item["device"] for item in bound] == [laptop.device.id]
        demo.run("device", "posture", laptop.device.id, "healthy")
        page.goto(secure(demo, "board"))
        state = page.locator("#state")
        expect(state).to_have_text("Live.")
        _cut_when_unhealthy(demo, page, laptop)
        answer = page.goto(secure(demo, "board"))
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("main")).to_contain_text("disk not encrypted")
        shot(page, "device-denied")
        demo.run("device", "posture", laptop.device.id, "healthy")
        page.goto(secure(demo, "board"))
        expect(state).to_have_text("Live.")
        page.evaluate("() => fetch('/').then((answer) => answer.text())")
        _stolen_cookies(demo, cookies_of(context, demo, "board"), laptop, tmp_path)
        began = time.time()
        page.evaluate(_WATCH)
        demo.run("device", "lost", laptop.device.id)
        ended = time.time()
        expect(state).to_have_text("The connection was closed.")
        assert began < page.evaluate("() => window.closedAt") / 1000 < ended + 1.0
    assert not [item for item in demo.json("session", "list", "--user", "carol") if item["device"]]
    demo.run("apply", str(demo.data / "estate"))


_WATCH = """() => new MutationObserver(() => { window.closedAt = Date.now() })
    .observe(document.getElementById("state"), {childList: true})"""


def _cut_when_unhealthy(demo: Demo, page: Page, laptop: StandIn) -> None:
    page.get_by_label("Write to everyone").fill("still here")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#lines")).to_contain_text("still here")
    page.evaluate(_WATCH)
    began = time.time()
    demo.run("device", "posture", laptop.device.id, "unhealthy", "--reason", "disk not encrypted")
    ended = time.time()
    expect(page.locator("#state")).to_have_text("The connection was closed.")
    assert began < page.evaluate("() => window.closedAt") / 1000 < ended + 1.0


def _stolen_cookies(demo: Demo, cookie: str, laptop: StandIn, folder: Path) -> None:
    """Session and ticket are worth nothing but on the device; a renewed certificate goes on."""
    thief = StandIn(demo, "Laptop of a thief")
    code = demo.json("device", "enrol", "--owner", "carol")["code"]
    assert thief.fetch(thief.ask(code)["enrolment"])
    ticket = "; ".join(item for item in cookie.split("; ") if "ticket" in item)
    for files in (None, thief.certificate(folder)):
        at = connection(demo, "board", files)
        status, body = ask(at, demo, "board", "/", cookie)
        said = json.loads(body)
        assert (status, said["reason"]) == (403, "device-mismatch")
        assert logged_reason(demo, said["decision"]) == "device-mismatch"
        assert ask(at, demo, "board", "/", ticket)[0] == 401
        at.close()
    renewed = connection(demo, "board", laptop.certificate(folder))
    assert ask(renewed, demo, "board", "/", cookie)[0] == 200
    renewed.close()
    _ended_certificate(demo, cookie, laptop, folder)


def _ended_certificate(demo: Demo, cookie: str, laptop: StandIn, folder: Path) -> None:
    """On a connection that stands already: its end is looked at with every request."""
    authority = LocalDeviceAuthority(
        installation.read_pair(demo.data / "control/keys", "device-ca")
    )
    private = ec.generate_private_key(ec.SECP256R1())
    name = device_spiffe_id(DOMAIN, laptop.device.id, laptop.device.key)
    issued = authority.issue(csr_for(private), name, time.time(), 4.0)
    at = connection(demo, "board", write_pair(folder, private, issued.certificate))
    assert ask(at, demo, "board", "/", cookie)[0] == 200
    time.sleep(max(issued.ends_at - time.time(), 0) + 0.2)
    status, body = ask(at, demo, "board", "/", cookie)
    assert (status, json.loads(body)["reason"]) == (403, "device-mismatch")
    at.close()


def test_a_service_on_an_enrolled_host(demo: Demo, tmp_path: Path) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(demo.data / "estate", estate)
    (estate / "reporting.toml").write_text(SERVICE_ON_A_HOST)
    (estate / "reporting.cedar").write_text(SERVICE_READS)
    demo.run("apply", str(estate))
    mill = StandIn(demo, "Mill")
    code = demo.json("device", "enrol", "--owner", "bob", "--id", "mill-1")["code"]
    assert mill.fetch(mill.ask(code)["enrolment"])
    files = mill.certificate(tmp_path, "workloads", service="reporting")
    at = connection(demo, "reports", files)
    status, body = ask(at, demo, "reports", "/reports")
    assert (status, json.loads(body)["for"]) == (200, "service:reporting")
    assert demo.json("device", "lost", "mill-1")["enforced"]
    status, body = ask(at, demo, "reports", "/reports")
    assert (status, json.loads(body)["reason"]) == (403, "workload-refused")
    at.close()
    demo.run("apply", str(demo.data / "estate"))
