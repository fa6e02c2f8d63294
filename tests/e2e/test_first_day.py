"""The story of a first day, in a real browser through the real Envoy."""

from __future__ import annotations

import re
import time

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.demo import Demo

PASSWORD = "four words in a row"


def accept_by_passkey(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def invite(demo: Demo, user: str) -> str:
    return str(demo.json("user", "invite", user)["link"])


def session_of(demo: Demo, user: str) -> str:
    sessions = demo.json("session", "list", "--user", user)
    assert len(sessions) == 1, sessions
    return str(sessions[0]["id"])


def test_invitation_passkey_application(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, demo.invitation())
    page.goto(demo.url("payroll"))
    expect(page).to_have_url(demo.url("payroll"))
    expect(page.get_by_role("link", name="payroll", exact=True).first).to_be_visible()
    page.goto(demo.url("console"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    decisions = demo.json("log", "--limit", "50")["decisions"]
    assert any(
        item["resource"] == "payroll" and item["outcome"] == "allow" and item["subject"] == "alice"
        for item in decisions
    )


def test_an_invitation_works_once(demo: Demo, page: Page, browser_context: BrowserContext) -> None:
    link = invite(demo, "carol")
    accept_by_passkey(page, link)
    browser_context.clear_cookies()
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_role("alert")).to_contain_text("has been used or has expired")
    demo.run("user", "sign-out", "carol")


def test_a_live_websocket_is_cut_within_a_second(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, invite(demo, "carol"))
    page.goto(demo.url("board"))
    state = page.locator("#state")
    expect(state).to_have_text("Live.")
    page.get_by_label("Write to everyone").fill("still here")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#lines")).to_contain_text("still here")
    page.evaluate(
        """() => new MutationObserver(() => { window.closedAt = Date.now() })
            .observe(document.getElementById("state"), {childList: true})"""
    )
    began = time.time()
    demo.run("session", "revoke", session_of(demo, "carol"))
    ended = time.time()
    expect(state).to_have_text("The connection was closed.")
    closed_at = page.evaluate("() => window.closedAt") / 1000
    assert began < closed_at < ended + 1.0
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_password_with_totp_then_step_up_by_passkey(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, invite(demo, "bob"))
    demo.run("user", "sign-out", "bob")
    page.goto("about:blank")
    page.goto(invite(demo, "bob"))
    page.get_by_text("Use a password and an authenticator app instead").click()
    secret = page.locator("[data-secret]")
    expect(secret).not_to_be_empty()
    totp = pyotp.TOTP((secret.text_content() or "").replace(" ", ""))
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Code from your app").fill(totp.now())
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Hello, Bob")).to_be_visible()

    page.goto(demo.url("reports", "/reports"))
    expect(page.locator("body")).to_contain_text('"for":"bob"')
    page.goto(demo.url("payroll"))
    expect(page.get_by_text("Denied", exact=True)).to_be_visible()
    page.get_by_role("link", name=re.compile("passkey", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(demo.url("payroll"))
    expect(page.get_by_role("link", name="payroll", exact=True).first).to_be_visible()


def test_a_denied_person_reads_why_and_whom_to_ask(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, invite(demo, "dave"))
    answer = page.goto(demo.url("reports", "/reports"))
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("You have no access to this")
    expect(page.get_by_role("link", name=re.compile("ask", re.IGNORECASE))).to_have_attribute(
        "href", re.compile("^mailto:bob@example.com")
    )
    decision = page.locator("code").text_content()
    assert demo.json("why", str(decision))["reason"] == "no-policy-permits"


def test_sign_out_everywhere(demo: Demo, page: Page) -> None:
    accept_by_passkey(page, invite(demo, "dave"))
    page.goto(demo.url("handbook"))
    expect(page).to_have_url(demo.url("handbook"))
    page.goto(demo.url("auth"))
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.goto(demo.url("handbook"))
    expect(page).to_have_url(re.compile("/sign-in"))


@pytest.mark.parametrize(
    ("act", "undo"),
    [
        (("user", "disable", "bob"), ("user", "enable", "bob")),
        (("user", "risk", "bob", "90"), ("user", "risk", "bob", "0")),
        (("user", "groups", "bob", "contractors"), ("user", "groups", "bob", "finance")),
    ],
    ids=["disabled", "risk", "group"],
)
def test_a_signal_takes_access_away(
    demo: Demo, page: Page, act: tuple[str, ...], undo: tuple[str, ...]
) -> None:
    accept_by_passkey(page, invite(demo, "bob"))
    fetch = "() => fetch('/-/versions.json', {redirect: 'manual'}).then((answer) => answer.status)"
    page.goto(demo.url("payroll"))
    assert page.evaluate(fetch) == 200
    try:
        assert demo.json(*act)["enforced"]
        assert page.evaluate(fetch) in {401, 403}
    finally:
        demo.run(*undo)
        demo.run("user", "sign-out", "bob")
