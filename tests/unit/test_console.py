"""The console on a store in memory: what it shows, escapes, refuses and does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from starlette.routing import Route

from doorward.administrator.ports import AuditHead
from doorward.entrypoints.console.app import ACTS, PAGES
from tests.fakes.office import CONSOLE, HOSTILE, Office, office
from tests.unit.test_console_decided import KNOWN

SHOWN = [
    "/",
    "/decisions",
    "/decisions/dec_0001",
    "/decisions/dec_0002",
    "/decisions/dec_0003",
    "/decisions/dec_0004",
    "/sessions",
    "/people",
    "/people/bob",
    "/people/carol",
    "/resources",
    "/resources/payroll",
    "/devices",
    "/devices?q=laptop",
    "/devices/laptop-7",
    "/tokens",
    "/applications",
    "/signals",
    "/audit",
    "/identity",
    "/identity/verifiers",
    "/identity/cases/idc_0001",
    "/identity/verifications/idv_0001",
    "/handover",
    "/people/carol/leave",
    "/people/carol/move",
    "/people/carol/move?preview=1&group=platform",
]
BOB = "/people/bob"
DEVICES = "/devices"
LAPTOP = "/devices/laptop-7"
OWN_PAGE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def company() -> Office:
    return await office()


@pytest.fixture
async def browser(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as client:
        yield client


class Elements(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("route", [*PAGES, *ACTS], ids=lambda route: route.path)
@pytest.mark.parametrize("changed", [None, {"aud": "payroll"}, {"exp": 1}], ids=str)
async def test_strangers_see_and_do_nothing(
    company: Office,
    browser: httpx.AsyncClient,
    route: Route,
    changed: dict[str, object] | None,
) -> None:
    before = company.control.live.current.number
    path = route.path.replace("{", "").replace("}", "")
    headers = {**OWN_PAGE, **({} if changed is None else company.headers(**changed))}
    for method in route.methods or ():
        answer = await browser.request(method, path, headers=headers)
        assert answer.status_code == 401
    assert company.control.live.current.number == before


@pytest.mark.parametrize("path", SHOWN)
async def test_no_markup_of_a_stranger_reaches_a_page(
    company: Office, browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path, headers=company.headers())
    assert answer.status_code == 200, answer.text
    assert HOSTILE not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "form-action 'self' auth.doorward.localhost:8080;" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    for tag, attributes in Elements(answer.text).found:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "script":
            assert str(attributes["src"]).startswith("/.doorward/static/")


async def test_hostile_text_is_shown_as_text(company: Office, browser: httpx.AsyncClient) -> None:
    for path in ("/decisions/dec_0004", "/people/carol", "/sessions"):
        page = (await browser.get(path, headers=company.headers())).text
        assert "&lt;script&gt;alert(" in page


async def test_why_is_told_in_words_with_policy_and_facts(
    company: Office, browser: httpx.AsyncClient
) -> None:
    allowed = (await browser.get("/decisions/dec_0002", headers=company.headers())).text
    assert "A policy permits this" in allowed
    assert "context.session.phishing_resistant" in allowed
    assert "policies.cedar:12" in allowed
    assert 'href="/decisions/dec_0001"' in allowed
    assert "principal.groups" in allowed
    denied = (await browser.get("/decisions/dec_0003", headers=company.headers())).text
    assert "Its owner, alice, decides who may enter." in denied


async def test_the_overview_shows_who_was_denied_not_who_had_yet_to_sign_in(
    company: Office, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get("/", headers=company.headers())).text
    assert "dec_0003" in page
    assert "dec_0004" not in page


async def test_the_live_list_leaves_out_that_it_is_being_watched(
    company: Office, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get("/decisions", headers=company.headers())).text
    assert "dec_0006" not in page
    assert "dec_0005" in page
    with_own = (await browser.get("/decisions?console=1", headers=company.headers())).text
    assert "dec_0006" in with_own
    filtered = (await browser.get("/decisions?outcome=deny", headers=company.headers())).text
    assert "dec_0001" not in filtered


@pytest.mark.parametrize(
    ("path", "form", "next_page", "notice", "act"),
    [
        ("/sessions/ses_bob/revoke", {}, "/sessions", "session-revoked", "session-revoked"),
        (f"{BOB}/disable", {"reason": "left"}, BOB, "user-disabled", "user-disabled"),
        (f"{BOB}/sign-out", {}, BOB, "user-signed-out", "signed-out-everywhere"),
        (f"{BOB}/risk", {"risk": "80"}, BOB, "user-risk-set", "user-risk-set"),
        (f"{LAPTOP}/posture", {"healthy": "no"}, LAPTOP, "device-posture-set", "posture-reported"),
        (f"{LAPTOP}/risk", {"risk": "30"}, LAPTOP, "device-risk-set", "device-risk-set"),
        (f"{LAPTOP}/lost", {}, LAPTOP, "device-lost", "device-suspended"),
        (f"{LAPTOP}/remove", {}, DEVICES, "device-removed", "device-removed"),
        ("/tokens/dwt_0001/revoke", {}, "/tokens", "token-revoked", "service-token-revoked"),
        (
            "/client-sessions/sid_0002/end",
            {},
            "/applications",
            "client-session-ended",
            "client-session-ended",
        ),
    ],
)
async def test_a_form_acts_and_the_next_page_says_so(
    company: Office,
    browser: httpx.AsyncClient,
    path: str,
    form: dict[str, str],
    next_page: str,
    notice: str,
    act: str,
) -> None:
    goes_to = f"{next_page}?done={notice}"
    headers = {**company.headers(), **OWN_PAGE}
    answer = await browser.post(path, data=form, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, goes_to)
    async with company.store.transaction() as transaction:
        entry = (await transaction.audit.latest(1))[0]
    assert (entry.actor, entry.act) == ("user:alice", act)
    page = await browser.get(goes_to, headers=company.headers())
    assert "Every gateway enforces this." in page.text


async def test_a_disabled_person_can_be_enabled(
    company: Office, browser: httpx.AsyncClient
) -> None:
    headers = {**company.headers(), **OWN_PAGE}
    await browser.post("/people/bob/disable", headers=headers)
    assert "/people/bob/enable" in (await browser.get("/people/bob", headers=headers)).text
    await browser.post("/people/bob/enable", headers=headers)
    assert company.control.live.current.standings["bob"].disabled is False


async def test_what_is_not_enforced_yet_is_said(
    company: Office, browser: httpx.AsyncClient
) -> None:
    company.gateways.obeys = False
    headers = {**company.headers(), **OWN_PAGE}
    answer = await browser.post("/sessions/ses_bob/revoke", headers=headers)
    assert answer.headers["location"] == "/sessions?done=session-revoked.pending"
    page = await browser.get(answer.headers["location"], headers=headers)
    assert "Not every gateway has said yet" in page.text


@pytest.mark.parametrize("route", ACTS, ids=lambda route: route.path)
async def test_another_site_cannot_act(
    company: Office, browser: httpx.AsyncClient, route: Route
) -> None:
    before = company.control.live.current.number
    path = route.path.format(**KNOWN)
    for sent in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}, {}):
        answer = await browser.post(path, headers={**company.headers(), **sent})
        assert answer.status_code == 403
    assert company.control.live.current.number == before


async def test_a_link_cannot_make_the_console_say_something(
    company: Office, browser: httpx.AsyncClient
) -> None:
    page = await browser.get("/sessions?done=All+is+lost", headers=company.headers())
    assert "All is lost" not in page.text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/people/bob/risk", {"risk": "high"}),
        ("/people/bob/risk", {"risk": "101"}),
        ("/devices/laptop-7/posture", {"healthy": "perhaps"}),
        ("/devices/laptop-7/risk", {"risk": "high"}),
        ("/people/bob/disable", {"reason": "x" * 20_000}),
    ],
)
async def test_a_malformed_form_changes_nothing_and_says_why(
    company: Office, browser: httpx.AsyncClient, path: str, form: dict[str, str]
) -> None:
    before = company.control.live.current.number
    answer = await browser.post(path, data=form, headers={**company.headers(), **OWN_PAGE})
    assert answer.status_code == 400
    assert "This did not work" in answer.text
    assert company.control.live.current.number == before


@pytest.mark.parametrize(
    "path", ["/people/nobody", "/devices/none", "/resources/nothing", "/decisions/x", "/nowhere"]
)
async def test_what_is_not_there_is_told_kindly(
    company: Office, browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path, headers=company.headers())
    assert answer.status_code == 404
    assert "This did not work" in answer.text


async def test_a_changed_audit_log_is_an_alarm(company: Office, browser: httpx.AsyncClient) -> None:
    intact = (await browser.get("/audit", headers=company.headers())).text
    assert "entries are as they were written" in intact
    company.heads.head = AuditHead(seq=99, hash="00" * 32)
    changed = (await browser.get("/audit", headers=company.headers())).text
    assert "The log was changed" in changed


@pytest.mark.parametrize("host", ["console", "a b.test", "x.test;script-src *", "x.test:1, y"])
async def test_a_host_that_is_none_adds_nothing_to_the_policy(
    company: Office, browser: httpx.AsyncClient, host: str
) -> None:
    page = await browser.get("/", headers={**company.headers(), "host": host})
    assert "form-action 'self';" in page.headers["content-security-policy"]
