"""A person's own page through the real gateway: two browsers of one person, and a stranger's."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSKEY_DEVICE
from tests.e2e.demo import Demo
from tests.e2e.enrolling import StandIn

FETCH = "() => fetch('/-/versions.json', {redirect: 'manual'}).then((answer) => answer.status)"


def accept_by_passkey(demo: Demo, page: Page, user: str) -> None:
    page.goto(str(demo.json("user", "invite", user)["link"]))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


@contextmanager
def another_browser(chromium: Browser) -> Iterator[Page]:
    """A page of a profile of its own, with a passkey device of its own."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY_DEVICE})
    yield page
    context.close()


@pytest.fixture
def bob(demo: Demo, page: Page) -> Iterator[Page]:
    """A browser of bob's, who is signed in nowhere else and at no risk."""
    demo.run("user", "sign-out", "bob")
    accept_by_passkey(demo, page, "bob")
    yield page
    demo.run("user", "risk", "bob", "0")
    demo.run("user", "sign-out", "bob")


def test_the_other_session_is_out_at_once(demo: Demo, bob: Page, chromium: Browser) -> None:
    with another_browser(chromium) as phone:
        accept_by_passkey(demo, phone, "bob")
        phone.goto(demo.url("payroll"))
        assert phone.evaluate(FETCH) == 200
        bob.goto(demo.url("auth", "/account/sessions"))
        expect(bob.get_by_text("This one", exact=True)).to_have_count(1)
        expect(bob.get_by_role("button", name=re.compile("End this session"))).to_have_count(1)
        expect(bob.locator("main")).to_contain_text("127.0.0.1")
        began = time.monotonic()
        bob.get_by_role("button", name=re.compile("End this session")).click()
        expect(bob.get_by_role("status")).to_have_text("That session has ended.")
        assert phone.evaluate(FETCH) in {0, 401, 403}
        assert time.monotonic() - began < 1.5
        phone.goto(demo.url("auth", "/account"))
        expect(phone).to_have_url(re.compile("/sign-in"))
    assert len(demo.json("session", "list", "--user", "bob")) == 1


def test_this_was_not_me_revokes_and_a_policy_denies(
    demo: Demo, bob: Page, chromium: Browser
) -> None:
    bob.goto(demo.url("payroll"))
    assert bob.evaluate(FETCH) == 200
    with another_browser(chromium) as stranger:
        accept_by_passkey(demo, stranger, "bob")
        stranger.goto(demo.url("payroll"))
        assert stranger.evaluate(FETCH) == 200
        own = bob.context.new_page()
        own.goto(demo.url("auth", "/account/sign-ins"))
        theirs = own.locator(".card", has_text="Still signed in").first
        theirs.get_by_text("This was not me").click()
        theirs.get_by_role("button", name="It was not me").click()
        expect(own.get_by_role("status")).to_contain_text("your risk is raised")
        assert stranger.evaluate(FETCH) in {0, 401, 403}
    assert bob.evaluate(FETCH) == 403
    bob.reload()
    expect(bob.get_by_text("Denied", exact=True)).to_be_visible()
    (person,) = [user for user in demo.json("user", "list") if user["id"] == "bob"]
    assert person["risk"] == 80
    assert demo.json("audit", "list")[0]["act"] == "sign-in-disowned"
    own.goto(demo.url("auth", "/account"))
    expect(own.get_by_role("heading", name="Your risk is raised")).to_be_visible()
    letters = list((demo.data / "control" / "outbox").glob("*.eml"))
    assert any("bob@example.com" in letter.read_text() for letter in letters)


def test_access_says_why(demo: Demo, bob: Page) -> None:
    bob.goto(demo.url("payroll"))
    bob.goto(demo.url("auth", "/account/access"))
    payroll = bob.locator(".card", has=bob.get_by_role("link", name="Payroll"))
    expect(payroll.get_by_text("Yes", exact=True).first).to_be_visible()
    expect(payroll.locator("code").first).not_to_be_empty()
    expect(bob.locator("tbody tr").first).to_contain_text("Payroll")
    demo.run("user", "risk", "bob", "80")
    bob.reload()
    expect(payroll.get_by_text("Yes", exact=True)).to_have_count(0)


def test_signing_out_everywhere_ends_them_all(demo: Demo, bob: Page, chromium: Browser) -> None:
    with another_browser(chromium) as phone:
        accept_by_passkey(demo, phone, "bob")
        phone.goto(demo.url("auth", "/account/sessions"))
        phone.get_by_role("button", name="Sign out everywhere").click()
        expect(phone.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert demo.json("session", "list", "--user", "bob") == []
    bob.goto(demo.url("auth", "/account"))
    expect(bob).to_have_url(re.compile("/sign-in"))


def test_sign_in_leads_back_to_where_one_was_going(demo: Demo, bob: Page) -> None:
    bob.goto(demo.url("auth", "/account/sessions"))
    bob.get_by_role("button", name="Sign out", exact=True).click()
    bob.goto(demo.url("auth", "/account/sign-ins"))
    expect(bob).to_have_url(re.compile("/sign-in"))
    bob.get_by_role("button", name="Sign in with a passkey").click()
    expect(bob.get_by_role("heading", name="Recent sign-ins")).to_be_visible()


def test_a_device_is_removed_by_its_person(demo: Demo, bob: Page) -> None:
    laptop = StandIn(demo, "Old laptop")
    code = demo.json("device", "enrol", "--owner", "bob")["code"]
    assert laptop.fetch(laptop.ask(code)["enrolment"])
    bob.goto(demo.url("auth", "/account/devices"))
    bob.get_by_text("Remove", exact=False).first.click()
    bob.get_by_role("button", name="Yes, remove Old laptop").click()
    expect(bob.get_by_role("status")).to_contain_text("The device is removed.")
    assert demo.json("device", "list") == []
