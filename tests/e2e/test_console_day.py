"""The console through the real gateway: it is a resource like any other, and acts for real."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.demo import Demo

SHOWN = (
    ("People", "Everyone"),
    ("Access", "Resources"),
    ("Access", "Devices"),
    ("Connections", "Tokens"),
    ("Activity", "Audit"),
    ("Activity", "Sessions"),
)


def accept_by_passkey(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("DOORWARD_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"real-{name}.png", full_page=True)


def test_an_administrator_sees_why_and_takes_access_away(demo: Demo, page: Page) -> None:
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and said.location["url"].startswith(demo.url("console", "")):
            complaints.append(said.text)

    page.on("console", note)
    accept_by_passkey(page, str(demo.json("user", "invite", "alice")["link"]))
    page.goto(demo.url("handbook"))
    page.goto(demo.url("payroll"))
    page.goto(demo.url("console"))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    shot(page, "overview")

    page.get_by_role("link", name="Activity").click()
    row = page.locator("tr", has_text="payroll").first
    expect(row).to_be_visible()
    shot(page, "decisions")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name=re.compile("alice: read payroll"))).to_be_visible()
    expect(page.locator("pre").first).to_contain_text("permit")
    shot(page, "why")

    for group, name in SHOWN:
        page.get_by_role("navigation").get_by_role("link", name=group, exact=True).click()
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        shot(page, name.lower())
    page.goto(demo.url("console", "/resources/payroll"))
    shot(page, "resource")
    page.goto(demo.url("console", "/people/dave"))
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("status")).to_contain_text("Every gateway enforces this.")
    people = {user["id"]: user for user in demo.json("user", "list")}
    assert people["dave"]["disabled"]
    page.get_by_role("button", name="Enable", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("The person is enabled.")
    acts = demo.json("audit", "list")
    assert [(act["actor"], act["act"]) for act in acts[:2]] == [
        ("user:alice", "user-enabled"),
        ("user:alice", "user-disabled"),
    ]

    page.goto(demo.url("console", "/people/alice"))
    page.get_by_role("button", name="Revoke").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    assert demo.json("session", "list", "--user", "alice") == []
    assert complaints == []


def test_signing_out_from_the_console(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, str(demo.json("user", "invite", "alice")["link"]))
    page.goto(demo.url("console"))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.goto(demo.url("console"))
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_console_is_not_for_everyone(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, str(demo.json("user", "invite", "dave")["link"]))
    answer = page.goto(demo.url("console"))
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_text("Denied", exact=True)).to_be_visible()
    shot(page, "denied")


def test_the_api_answers_no_stranger(demo: Demo) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{demo.port}/api/v1/users",
        headers={
            "Host": f"console.doorward.localhost:{demo.port}",
            "doorward-assertion": "forged",
            "doorward-user": "alice",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 401
    assert json.loads(refused.value.read())["reason"] == "not-signed-in"
