"""Lost devices and second persons, through the real gateway, console and command line."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSKEY_DEVICE
from tests.e2e.demo import Demo, doorward


@contextmanager
def another_person(chromium: Browser) -> Iterator[Page]:
    """A browser of its own, with a passkey device of its own."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY_DEVICE})
    yield page
    context.close()


def accept_by_passkey(demo: Demo, page: Page, user: str) -> None:
    page.goto(str(demo.json("user", "invite", user)["link"]))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def ask_for_recovery(demo: Demo, page: Page, name: str) -> str:
    page.goto(demo.url("auth", "/sign-in"))
    page.get_by_role("link", name="I can't sign in").click()
    page.get_by_label("Name or e-mail address").fill(name)
    page.get_by_role("button", name="Show me a code").click()
    return page.locator(".spoken code").inner_text()


def make_new_passkey(page: Page) -> None:
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Ways to sign in")).to_be_visible()


def test_a_second_person_vouches_at_the_console(demo: Demo, page: Page, chromium: Browser) -> None:
    accept_by_passkey(demo, page, "alice")
    with another_person(chromium) as lost, another_person(chromium) as found:
        accept_by_passkey(demo, lost, "bob")
        lost.goto(demo.url("payroll"))
        expect(lost.get_by_role("link", name="payroll", exact=True).first).to_be_visible()
        code = ask_for_recovery(demo, found, "bob")
        page.goto(demo.url("console"))
        page.get_by_role("link", name="People", exact=True).first.click()
        page.get_by_role("link", name="Recoveries", exact=True).click()
        for typed in ("00000000", code):
            page.get_by_label("The code that they read to you").fill(typed)
            page.get_by_role("button", name="Find whose it is").click()
            if typed != code:
                expect(page.get_by_role("alert")).to_contain_text("No browser shows this code")
        request = page.get_by_role("listitem").filter(has_text="bob")
        request.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("status")).to_contain_text("The recovery is approved")
        make_new_passkey(found)

        lost.reload()
        expect(lost).to_have_url(re.compile("/sign-in"))
        lost.get_by_role("button", name="Sign in with a passkey").click()
        expect(lost.get_by_role("alert")).to_contain_text("was not accepted")
        (session,) = demo.json("session", "list", "--user", "bob")
        assert (session["methods"], session["aal"]) == (["recovery-approval"], 1)

        found.goto(demo.url("payroll"))
        expect(found.get_by_text("Denied", exact=True)).to_be_visible()
        found.get_by_role("link", name=re.compile("passkey", re.IGNORECASE)).click()
        found.get_by_role("button", name="Use a passkey").click()
        expect(found.get_by_role("link", name="payroll", exact=True).first).to_be_visible()
    acts = {(item["actor"], item["act"], item["target"]) for item in demo.json("audit", "list")}
    assert {
        ("anonymous", "recovery-requested", "user:bob"),
        ("user:alice", "recovery-code-unknown", ""),
        ("user:alice", "recovery-approved", "user:bob"),
        ("user:bob", "recovery-completed", "user:bob"),
    } <= acts
    messages = sorted((demo.data / "control" / "outbox").glob("*.eml"))
    assert any("asked to recover" in message.read_text("utf-8") for message in messages)
    demo.run("user", "sign-out", "bob")


def test_the_operator_vouches_at_the_command_line(demo: Demo, page: Page) -> None:
    code = ask_for_recovery(demo, page, "carol")
    (request,) = demo.json("recovery", "list")
    assert (request["user"], "code" in request) == ("carol", False)
    approved = subprocess.run(
        [doorward(), "recovery", "approve", request["id"], "--data", demo.data],
        input=f"{code}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "carol can go on" in approved.stdout
    make_new_passkey(page)
    held = demo.json("user", "credentials", "carol")
    (passkey,) = held["passkey_list"]
    assert passkey["name"] == "Chrome on Linux"
    assert "Chrome on Linux" in demo.run("user", "credentials", "carol").stdout
    page.goto(demo.url("handbook"))
    expect(page).to_have_url(demo.url("handbook"))
    demo.run("user", "remove-passkey", "carol", passkey["id"])
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in"))
    assert demo.run("user", "remove-password", "carol", check=False).returncode == 1


def test_a_rejected_request_waits_for_ever(demo: Demo, page: Page) -> None:
    ask_for_recovery(demo, page, "dave")
    (request,) = demo.json("recovery", "list")
    assert "over" in demo.run("recovery", "reject", request["id"], "--reason", "a stranger").stdout
    assert demo.run("recovery", "list").stdout.strip() == "Nobody waits."
    page.reload()
    expect(page.get_by_role("heading", name="Read this code")).to_be_visible()
    folder = os.environ.get("DOORWARD_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / "real-recovery.png")
