"""A day with another provider: a certified one that is not ours, in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.demo import Demo, doorward
from tests.integration.real_provider import CLIENT_ID, CLIENT_SECRET, RealProvider, running

ACCOUNTS = {
    "dave@work": {
        "claims": {
            "email": "dave@example.net",
            "email_verified": True,
            "groups": ["Finance"],
        },
        "acr": "phr",
    },
    "erin@work": {"claims": {"email": "erin@example.com", "email_verified": True}},
}
PROVIDER = """\
[[provider]]
id = "work"
name = "Work"
issuer = "{issuer}"
client_id = "{client}"
match = "email"
domains = ["example.net"]
scopes = ["openid", "email", "groups"]
groups_claim = "groups"
groups = [{{ value = "Finance", group = "finance" }}]
acr = [{{ value = "phr", aal = 2, phishing_resistant = true }}]
"""


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("DOORWARD_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"federation-{name}.png", full_page=True)


@pytest.fixture(scope="module")
def provider(demo: Demo) -> Iterator[RealProvider]:
    """Declared in the demo's estate, its secret set from standard input."""
    callback = demo.url("auth", "/federation/work/callback")
    logout = demo.url("auth", "/federation/work/logout")
    with running([callback], logout, ACCOUNTS) as real:
        estate = demo.data / "estate"
        declared = PROVIDER.format(issuer=real.issuer, client=CLIENT_ID)
        (estate / "provider.toml").write_text(declared, "utf-8")
        demo.run("apply", str(estate))
        command = [str(doorward()), "provider", "secret", "work", "--data", str(demo.data)]
        subprocess.run(command, input=CLIENT_SECRET + "\n", text=True, check=True, timeout=60)
        yield real


def sign_in(page: Page, name: str) -> None:
    """From the sign-in page to the provider and back."""
    page.get_by_role("button", name="Sign in with Work").click()
    expect(page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page, provider: RealProvider) -> None:
    """The session at the provider ends, by its own page."""
    page.goto(provider.sign_out)
    page.get_by_role("button", name=re.compile("yes|sign me out", re.IGNORECASE)).click()
    expect(page.get_by_text("Sign-out Success")).to_be_visible()


def test_the_provider_is_found_well(demo: Demo, provider: RealProvider) -> None:
    found = demo.json("provider", "check", "work")
    assert found["ok"]
    assert found["secret_set"]
    assert demo.url("auth", "/federation/work/callback") in found["callback_urls"]
    assert abs(found["clock_skew_seconds"]) < 5
    assert CLIENT_SECRET not in str(found)
    assert "well" in demo.run("provider", "list").stdout
    assert provider.issuer in demo.run("provider", "check", "work").stdout


def test_a_person_comes_by_the_provider_and_goes_with_it(
    demo: Demo, provider: RealProvider, page: Page
) -> None:
    page.goto(demo.url("reports", "/reports"))
    expect(page).to_have_url(re.compile("/sign-in"))
    shot(page, "sign-in")
    sign_in(page, "dave@work")
    expect(page).to_have_url(demo.url("reports", "/reports"))
    expect(page.locator("body")).to_contain_text('"for":"dave"')

    page.goto(demo.url("board"))
    state = page.locator("#state")
    expect(state).to_have_text("Live.")
    page.evaluate(
        """() => new MutationObserver(() => { window.closedAt = Date.now() })
            .observe(document.getElementById("state"), {childList: true})"""
    )
    at_provider = page.context.new_page()
    began = time.time()
    sign_out(at_provider, provider)
    ended = time.time()
    expect(state).to_have_text("The connection was closed.")
    closed_at = page.evaluate("() => window.closedAt") / 1000
    assert began < closed_at < ended + 1.0
    assert demo.json("session", "list", "--user", "dave") == []
    page.goto(demo.url("reports", "/reports"))
    expect(page).to_have_url(re.compile("/sign-in"))
    acts = demo.json("audit", "list")
    assert any("provider:work" in str(act) and "session-revoked" in str(act) for act in acts)


def test_a_step_up_at_the_provider_opens_what_needs_it(
    demo: Demo, provider: RealProvider, page: Page
) -> None:
    page.goto(demo.url("auth"))
    sign_in(page, "dave@work")
    expect(page.get_by_role("heading", name="Hello, Dave")).to_be_visible()
    page.goto(demo.url("auth", "/step-up?need=phishing-resistant&resource=handbook&return=/"))
    shot(page, "step-up")
    page.get_by_role("button", name="Confirm with Work").click()
    expect(page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
    page.get_by_label("Name").fill("dave@work")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(demo.url("handbook"))
    (session,) = demo.json("session", "list", "--user", "dave")
    assert session["phishing_resistant"]
    demo.run("user", "sign-out", "dave")
    sign_out(page, provider)


def test_a_person_who_cancels_or_is_nobody_reads_why(
    demo: Demo, provider: RealProvider, page: Page
) -> None:
    page.goto(demo.url("auth"))
    page.get_by_role("button", name="Sign in with Work").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Work did not sign you in.")).to_be_visible()
    shot(page, "declined")
    page.get_by_role("link", name="To the sign-in page").click()
    sign_in(page, "erin@work")
    expect(page.get_by_role("heading", name=re.compile("Nobody here is known"))).to_be_visible()
    shot(page, "unlinked")
    sign_out(page, provider)


def test_a_person_links_their_account_and_an_operator_takes_it_away(
    demo: Demo, provider: RealProvider, page: Page
) -> None:
    page.goto(str(demo.json("user", "invite", "carol")["link"]))
    expect(page.get_by_role("button", name="Use your account at Work")).to_be_visible()
    shot(page, "invitation")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello, Carol")).to_be_visible()
    page.goto(demo.url("auth", "/account/links"))
    shot(page, "links-before")
    page.get_by_role("button", name="Link your account").click()
    page.get_by_label("Name").fill("erin@work")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status")).to_contain_text("The account is linked")
    shot(page, "links-after")
    (link,) = demo.json("provider", "links", "carol")
    assert (link["provider"], link["subject"]) == ("work", "erin@work")
    demo.run("user", "sign-out", "carol")
    page.goto(demo.url("auth"))
    page.get_by_role("button", name="Sign in with Work").click()
    expect(page.get_by_role("heading", name="Hello, Carol")).to_be_visible()
    assert demo.json("provider", "unlink", "carol", "work")["enforced"]
    assert demo.json("session", "list", "--user", "carol") == []
    page.goto(demo.url("auth"))
    expect(page).to_have_url(re.compile("/sign-in"))
    sign_out(page, provider)


def test_the_console_shows_providers_and_links(
    demo: Demo, provider: RealProvider, page: Page
) -> None:
    page.goto(demo.url("auth"))
    sign_in(page, "dave@work")
    expect(page.get_by_role("heading", name="Hello, Dave")).to_be_visible()
    demo.run("user", "sign-out", "dave")
    page.goto(str(demo.json("user", "invite", "alice")["link"]))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()
    page.goto(demo.url("console", "/providers"))
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Well", exact=True)).to_be_visible()
    expect(page.locator("main")).to_contain_text(provider.issuer)
    shot(page, "console")
    page.goto(demo.url("console", "/people/dave"))
    expect(page.get_by_text("dave@example.net").first).to_be_visible()
    shot(page, "console-person")
    page.get_by_role("button", name="Unlink").click()
    expect(page.get_by_role("status")).to_contain_text("no longer linked")
    assert demo.json("provider", "links", "dave") == []


def test_a_provider_that_is_gone_is_said_in_a_sentence(
    demo: Demo, provider: RealProvider, page: Page
) -> None:
    """Another one is declared, at an address where nobody is; nothing else suffers."""
    estate = demo.data / "estate" / "gone.toml"
    declared = PROVIDER.format(issuer="http://127.0.0.1:9", client=CLIENT_ID)
    estate.write_text(declared.replace('"work"', '"gone"').replace('"Work"', '"Gone"'), "utf-8")
    demo.run("apply", str(estate.parent))
    try:
        page.goto(demo.url("auth"))
        page.get_by_role("button", name="Sign in with Gone").click()
        expect(page.get_by_role("heading", name="127.0.0.1 does not answer.")).to_be_visible()
        shot(page, "down")
        check = demo.run("provider", "check", "gone", check=False)
        assert check.returncode == 1
        assert "does not answer" in check.stdout
        assert demo.json("provider", "check", "work")["issuer"] == provider.issuer
        assert demo.json("status")["ok"]
    finally:
        estate.unlink()
        demo.run("apply", str(estate.parent))
