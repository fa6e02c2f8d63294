"""An identity is verified and then lost, and a person leaves: through the real gateway."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import demo as installation
from tests.e2e.conftest import PASSKEY_DEVICE
from tests.e2e.demo import Demo

NEEDS_A_VERIFIED_IDENTITY = """
@id("reports-need-a-verified-identity")
forbid (principal is User, action, resource == Resource::"reports")
unless { principal.ial >= 2 };
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo in which two verifiers have to agree."""
    folder = tmp_path_factory.mktemp("demo")
    running = installation.start(folder, "second_verifier_from_ial = 2\n")
    yield running
    installation.stop(running)


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("DOORWARD_SCREENSHOTS")
    if folder:
        for kind, width in (("wide", 1280), ("phone", 390)):
            page.set_viewport_size({"width": width, "height": 800})
            overflow = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow <= 0, f"{name} is {overflow} px too wide at {width}"
            page.screenshot(path=Path(folder) / f"day-{name}-{kind}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 800})


def accept(page: Page, demo: Demo, user: str) -> None:
    page.goto(str(demo.json("user", "invite", user)["link"]))
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def another_person(chromium: Browser) -> tuple[BrowserContext, Page]:
    """A browser of somebody else, with a passkey device of its own."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY_DEVICE})
    return context, page


def code_in(demo: Demo) -> str:
    """The code in the newest message that was sent."""
    newest = max((demo.data / "control" / "outbox").glob("*.eml"))
    found = re.search(r"\b(\d{4} \d{4})\b", newest.read_text("utf-8"))
    assert found is not None
    return found[1]


def confirms(desk: Page, demo: Demo, second: Page) -> None:
    """What the first decided waits for another verifier, by any way that there is."""
    expect(desk.get_by_role("heading", name="You decided this")).to_be_visible()
    shot(desk, "proposed")
    tried = desk.evaluate(
        """async () => {
            const ask = (path, body) => fetch(path, {method: "POST", body}).then((a) => a.status);
            const form = new URLSearchParams({looked: "yes"});
            const api = location.pathname.replace("/identity/", "/api/v1/proofing/");
            return [
                await ask(`${location.pathname}/confirm`, form),
                await ask(`${api}/confirm`),
                await ask(`${location.pathname}/take`, form),
            ];
        }"""
    )
    assert tried == [403, 403, 409]
    assert demo.json("verification", "list") == []
    second.goto(demo.url("console", "/identity"))
    second.get_by_role("link", name="bob").click()
    expect(second.get_by_text("Bob Baker").last).to_be_visible()
    second.get_by_role("checkbox").check()
    shot(second, "confirm")
    second.get_by_role("button", name="Verified at IAL2").click()
    expect(second.get_by_role("status")).to_contain_text("Every gateway enforces this.")
    shot(second, "verification")


def works_cases_and_nothing_else(desk: Page, demo: Demo) -> None:
    """What the console is to a verifier: one entry. Other areas stay shut, however spelt."""
    for path in ("/", "/people", "/PEOPLE", "/people/", "/audit", "/api/v1/users", "//tokens"):
        answer = desk.goto(demo.url("console", path))
        assert answer is not None
        assert answer.status == 403, path
    desk.goto(demo.url("console", "/identity"))
    expect(desk.get_by_role("navigation").get_by_role("link")).to_have_text(["Identity"])
    shot(desk, "verifier")
    tried = desk.evaluate(
        """async () => {
            const ask = (path, method, headers = {}) =>
                fetch(path, {method, headers, redirect: "manual"}).then((answer) => answer.status);
            return [
                await ask("/identity", "GET", {"HX-Request": "true"}),
                await ask("/people/bob", "GET", {"HX-Request": "true"}),
                await ask("/people/bob/disable", "POST"),
                await ask("/identity", "GET", {"X-HTTP-Method-Override": "POST"}),
                await ask("/identity/verifiers", "POST"),
                await ask("/identity/..%2fpeople", "GET"),
                await ask("/identity/%2e%2e/people", "GET"),
                await ask("/identity/..;/people", "GET"),
                await ask("/%70eople", "GET"),
                await ask("/api/v1/proofing/cases", "GET"),
                await ask("/api/v1/proofing/../users", "GET"),
                await ask("/api/v1/estate/apply", "POST"),
            ];
        }"""
    )
    assert tried == [200, 403, 403, 200, 403, 400, 403, 403, 403, 200, 403, 403]


def test_an_identity_is_verified_and_opens_what_needs_it(
    demo: Demo, page: Page, chromium: Browser, tmp_path: Path
) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(demo.data / "estate", estate)
    (estate / "identity.cedar").write_text(NEEDS_A_VERIFIED_IDENTITY)
    people = (estate / "people.toml").read_text()
    verifies, found = re.subn(
        r'(\[\[user\]\]\nid = "(?:carol|dave)"\n)', r'\1roles = ["identity-verifier"]\n', people
    )
    assert found == 2
    (estate / "people.toml").write_text(verifies)
    demo.run("apply", str(estate))
    day = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()
    for verifier in ("carol", "dave"):
        demo.run("verifier", "train", verifier, "--until", day)
    accept(page, demo, "bob")
    answer = page.goto(demo.url("reports", "/reports"))
    assert answer is not None
    assert answer.status == 403
    page.get_by_role("link", name="Have your identity verified").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Identity")
    shot(page, "unproofed")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code from the message").fill(code_in(demo))
    shot(page, "code")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_contain_text("Your e-mail address is verified.")
    page.get_by_role("button", name="Ask to be verified").click()
    expect(page.get_by_text("A verifier will contact you.")).to_be_visible()
    shot(page, "asked")

    context, desk = another_person(chromium)
    accept(desk, demo, "dave")
    works_cases_and_nothing_else(desk, demo)
    desk.get_by_role("link", name="bob").click()
    desk.get_by_role("button", name="Work this case").click()
    for kind, validated in (("driving-licence", "handled"), ("company-card", "inspected")):
        desk.get_by_label("What was shown").select_option(kind)
        desk.get_by_label("Who issued it").fill("Somebody")
        desk.get_by_label("Number", exact=True).fill(f"{kind}-12345678")
        desk.get_by_label("Good until").fill(day)
        desk.get_by_label("How did you find it genuine?").select_option(validated)
        desk.get_by_label("How did you find it to be the person's own?").select_option("compared")
        desk.get_by_role("button", name="Record").first.click()
        expect(desk.get_by_role("status").first).to_contain_text("brought up to date")
    desk.get_by_label("Which source was asked").fill("Road office")
    desk.get_by_role("button", name="Record").last.click()
    desk.get_by_label("Given names").fill("Bob")
    desk.get_by_label("Family name").fill("Baker")
    for box in desk.get_by_role("checkbox").all():
        box.check()
    shot(desk, "decide")
    desk.get_by_role("button", name="Verified at IAL2").click()
    other_context, other_desk = another_person(chromium)
    accept(other_desk, demo, "carol")
    confirms(desk, demo, other_desk)

    answer = page.goto(demo.url("reports", "/reports"))
    assert answer is not None
    assert answer.status == 200
    page.goto(demo.url("auth", "/account/identity"))
    expect(page.get_by_text("2 (IAL2)")).to_be_visible()
    shot(page, "verified")
    [verified] = demo.json("verification", "list")
    assert (verified["user"], verified["verifier"]) == ("bob", "dave")
    assert verified["second_verifier"] == "carol"

    page.goto(demo.url("reports", "/reports"))
    fetch = "() => fetch('/reports', {redirect: 'manual'}).then((answer) => answer.status)"
    assert page.evaluate(fetch) == 200
    effect = demo.json("verification", "revoke", str(verified["id"]), "--reason", "a test")
    assert effect["enforced"]
    assert page.evaluate(fetch) == 403
    context.close()
    other_context.close()
    demo.run("apply", str(demo.data / "estate"))
    demo.run("user", "sign-out", "bob")


def test_the_operator_decides_no_case(demo: Demo) -> None:
    import httpx

    transport = httpx.HTTPTransport(uds=str(demo.data / "control" / "api.sock"))
    with httpx.Client(transport=transport, base_url="http://doorward/api/v1") as api:
        body = {"subject": "dave", "method": "onsite"}
        case = api.post("/proofing/cases", json=body).json()["id"]
        answer = api.post(f"/proofing/cases/{case}/take", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "verifier-person-needed")
        api.post(f"/proofing/cases/{case}/withdraw", json={})


def test_leaving_cuts_an_open_websocket_and_every_session_within_a_second(
    demo: Demo, page: Page, browser_context: BrowserContext
) -> None:
    accept(page, demo, "carol")
    page.goto(demo.url("board"))
    state = page.locator("#state")
    expect(state).to_have_text("Live.")
    other = browser_context.new_page()
    other.goto(demo.url("handbook"))
    page.evaluate(
        """() => new MutationObserver(() => { window.closedAt = Date.now() })
            .observe(document.getElementById("state"), {childList: true})"""
    )
    began = time.time()
    left = demo.json("user", "leave", "carol", "--reason", "went elsewhere")
    ended = time.time()
    assert left["effect"]["enforced"]
    expect(state).to_have_text("The connection was closed.")
    closed_at = page.evaluate("() => window.closedAt") / 1000
    assert began < closed_at < ended + 1.0
    assert demo.json("session", "list", "--user", "carol") == []
    other.reload()
    expect(other).to_have_url(re.compile("/sign-in"))
    assert left["owned"]["resources"] == ["board", "handbook"]
    assert [item["user"] for item in demo.json("user", "handover")] == ["carol"]
    page.goto(demo.url("auth", "/sign-in"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    demo.run("user", "enable", "carol")
    demo.run("apply", str(demo.data / "estate"))
