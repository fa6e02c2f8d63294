"""An application elsewhere signs people in by OpenID Connect, through all the real parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.demo import Demo
from tests.tools import free_ports

ESTATE = """\
[[resource]]
id = "notes"
name = "Notes"
upstream = "external"
label = "confidential"
owner = "bob"

[[client]]
id = "notes"
name = "Notes"
resource = "notes"
redirect_uris = ["{own}/callback"]
post_logout_redirect_uris = ["{own}/bye"]
backchannel_logout_uri = "{own}/backchannel"
home = "{own}/"
scopes = ["profile", "email", "offline_access"]
"""
POLICY = """\
@id("notes-for-some")
permit (principal == User::"{user}", action, resource == Resource::"notes")
when {{ context has session && context.session.phishing_resistant }};
"""


@dataclass(frozen=True, slots=True)
class Notes:
    demo: Demo
    own: str

    def let_in(self, user: str) -> None:
        """Apply the estate with a policy that lets this person in and nobody else."""
        estate = self.demo.data / "estate"
        (estate / "notes.cedar").write_text(POLICY.format(user=user))
        self.demo.run("apply", str(estate))

    def told(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.own}/told", timeout=5) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found


@pytest.fixture(scope="module")
def notes(demo: Demo) -> Iterator[Notes]:
    port = free_ports()
    own = f"http://127.0.0.1:{port}"
    (demo.data / "estate" / "notes.toml").write_text(ESTATE.format(own=own))
    here = Notes(demo, own)
    here.let_in("alice")
    secret = demo.json("client", "secret", "notes")["secret"]
    issuer = demo.url("auth", "")
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("notes.py")), str(port), issuer, "notes"],
        stdin=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(f"{secret}\n".encode())
    process.stdin.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            here.told()
            break
        except OSError:
            time.sleep(0.1)
    yield here
    process.terminate()
    process.wait(10)


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("DOORWARD_SCREENSHOTS")
    if folder:
        for label, width in (("wide", 1280), ("narrow", 390)):
            page.set_viewport_size({"width": width, "height": 800})
            page.screenshot(path=Path(folder) / f"openid-{name}-{label}.png", full_page=True)


def sign_in(page: Page) -> None:
    button = page.get_by_role("button", name="Sign in with a passkey")
    expect(button).to_be_enabled()
    button.click()


def test_a_person_signs_in_is_denied_and_signed_out(notes: Notes, page: Page) -> None:
    demo = notes.demo
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and said.location["url"].startswith(demo.url("auth", "")):
            complaints.append(said.text)

    page.on("console", note)
    page.goto(str(demo.json("user", "invite", "alice")["link"]))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("link", name="Notes")).to_have_attribute("href", f"{notes.own}/")
    demo.run("user", "sign-out", "alice")

    # Sign in on the way, and no further question.
    page.goto(notes.own)
    expect(page.get_by_text("Then you go on to Notes.")).to_be_visible()
    shot(page, "sign-in")
    sign_in(page)
    expect(page.get_by_role("heading", name="Notes of Alice")).to_be_visible()
    claims = json.loads(page.locator("pre").inner_text())
    assert claims["sub"] == "alice"
    assert claims["acr"] in {"urn:doorward:aal:2", "urn:doorward:aal:3"}
    assert "mfa" in claims["amr"]
    assert claims["email"].startswith("alice@")

    # Once signed in, no page is shown at all; a fresh authentication is asked for where wanted.
    page.goto(f"{notes.own}/login?prompt=none")
    expect(page.get_by_role("heading", name="Notes of Alice")).to_be_visible()
    page.goto(f"{notes.own}/login?prompt=login")
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    shot(page, "step-up")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Notes of Alice")).to_be_visible()

    # The policies change, and the next sign-in is denied.
    notes.let_in("bob")
    page.goto(f"{notes.own}/login")
    expect(page.get_by_text("Denied", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="You have no access to this")).to_be_visible()
    shot(page, "denied")
    page.get_by_role("link", name="Back to Notes").click()
    expect(page.get_by_role("heading", name="Not signed in: access_denied")).to_be_visible()
    decided = demo.json("log", "--resource", "notes")["decisions"]
    assert {line["gateway"] for line in decided} == {"control"}
    assert [line["outcome"] for line in decided[:2]] == ["deny", "allow"]
    why = demo.run("why", decided[0]["id"]).stdout
    assert "no-policy-permits" in why

    # The console shows who is in, and the person's session ends everywhere.
    notes.let_in("alice")
    page.goto(f"{notes.own}/login")
    expect(page.get_by_role("heading", name="Notes of Alice")).to_be_visible()
    page.goto(demo.url("console", "/applications"))
    expect(page.get_by_role("cell", name="alice", exact=True)).to_be_visible()
    shot(page, "console")
    before = len(notes.told())
    started = time.time()
    demo.run("user", "sign-out", "alice")
    while len(notes.told()) == before and time.time() < started + 10:
        time.sleep(0.05)
    last = notes.told()[-1]
    assert last["claims"]["sub"] == "alice"
    ended = next(
        entry for entry in demo.json("audit", "list") if entry["act"] == "signed-out-everywhere"
    )
    assert last["at"] - datetime.fromisoformat(ended["at"]).timestamp() < 2
    page.goto(notes.own)
    expect(page.get_by_text("Then you go on to Notes.")).to_be_visible()

    # The application asks for a logout.
    sign_in(page)
    expect(page.get_by_role("heading", name="Notes of Alice")).to_be_visible()
    page.goto(f"{notes.own}/logout")
    expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()
    assert demo.json("session", "list", "--user", "alice") == []
    assert [text for text in complaints if "status of 403" not in text] == []


def test_the_console_ends_one_sign_in(notes: Notes, page: Page) -> None:
    demo = notes.demo
    notes.let_in("alice")
    page.goto(str(demo.json("user", "invite", "alice")["link"]))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()
    page.goto(notes.own)
    expect(page.get_by_role("heading", name="Notes of Alice")).to_be_visible()
    before = len(notes.told())
    page.goto(demo.url("console", "/applications"))
    page.get_by_role("button", name="End").click()
    expect(page.get_by_role("status")).to_contain_text("The sign-in to the application is ended.")
    deadline = time.monotonic() + 10
    while len(notes.told()) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(notes.told()) == before + 1
    page.goto(demo.url("auth", "/openid/logout?client_id=notes"))
    expect(page.get_by_role("heading", name="Sign out?")).to_be_visible()
    shot(page, "logout")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert demo.json("session", "list", "--user", "alice") == []
