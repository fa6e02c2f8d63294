"""Federation as a browser meets it: buttons, the way there, the way back, and what errors say."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from doorward.administrator.authentication import digest
from doorward.administrator.credentials.assurance import FRESH_SECONDS
from doorward.administrator.federation.directory import KEPT_SECONDS
from doorward.entrypoints.login.openid.logout import CONFIRM
from doorward.model.estate import AssuranceRow
from doorward.model.snapshot import change, removal
from tests.fakes.provider import WORK_ISSUER, OidcProvider
from tests.fakes.sign_in import ALICE, AUTH, AUTH_HOST, BOB, PASSWORD, PAYROLL
from tests.unit.federation_world import World, world

SESSION = "__Host-doorward-session"
FLOW = "__Host-doorward-flow"
ONWARD = {"resource": "payroll", "return": "/books?x=1", "flow": "0" * 64}


@pytest.fixture
async def place() -> World:
    place = await world()
    await place.link("alice")
    return place


async def browser_of(place: World) -> httpx.AsyncClient:
    """A browser that has seen the sign-in page."""
    client = place.desk.client()
    await client.get("/sign-in")
    return client


async def start(client: httpx.AsyncClient, provider: str = "work", **fields: str) -> httpx.Response:
    return await client.post(f"/federation/{provider}/start", data=fields, headers={"origin": AUTH})


def location_in(page: httpx.Response) -> str:
    """Where the page goes on by itself, which is where its link leads too."""
    assert page.status_code == 200, page.text
    refresh = re.search(r'http-equiv="refresh" content="0; url=([^"]*)"', page.text)
    link = re.search(r'<a class="button" href="([^"]*)"', page.text)
    assert refresh
    assert link
    assert refresh[1] == link[1]
    return html.unescape(refresh[1])


async def come_back(
    client: httpx.AsyncClient, party: OidcProvider, location: str, provider: str = "work"
) -> httpx.Response:
    parameters = party.authorize(location)
    return await client.get(f"/federation/{provider}/callback", params=parameters)


async def there_and_back(place: World, **fields: str) -> tuple[httpx.AsyncClient, httpx.Response]:
    client = await browser_of(place)
    location = location_in(await start(client, **fields))
    return client, await come_back(client, place.work, location)


def titles(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text, re.DOTALL)
    assert found, page.text
    return html.unescape(found[1]).strip()


async def test_each_provider_has_a_button_that_carries_the_way_on(place: World) -> None:
    page = await place.desk.client().get("/sign-in", params=ONWARD)
    assert "Sign in with Work" in page.text
    assert "Sign in with Other" in page.text
    assert page.text.count('name="return" value="/books?x=1"') == 3


async def test_without_providers_there_is_no_button(place: World) -> None:
    async with place.desk.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [removal("provider", "work"), removal("provider", "other")]
        )
    page = await place.desk.client().get("/sign-in")
    assert "/federation/" not in page.text


async def test_signing_in_leads_on_to_the_application(place: World) -> None:
    client, back = await there_and_back(place, **ONWARD)
    assert back.status_code == 303
    assert back.headers["location"].startswith("/start?resource=payroll")
    (session,) = place.snapshot.sessions.values()
    assert (session.user, session.methods, session.provider) == ("alice", ("federated",), "work")
    onward = await client.get(back.headers["location"])
    assert onward.headers["location"].startswith(f"{PAYROLL}/.doorward/callback?code=")


async def test_the_way_there_names_the_listener_that_the_browser_uses(place: World) -> None:
    plain = f"http://{AUTH_HOST}:8080"
    # A browser sends its cookies to *.localhost; this client would want TLS for them.
    headers = {"origin": plain, "cookie": f"{FLOW}={'f' * 43}"}
    page = await place.desk.client(plain).post("/federation/work/start", headers=headers)
    asked = parse_qs(urlsplit(location_in(page)).query)
    assert asked["redirect_uri"] == [f"http://{AUTH_HOST}:8080/federation/work/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert "prompt" not in asked


async def test_no_secret_of_ours_is_in_the_address(place: World) -> None:
    client = await browser_of(place)
    location = location_in(await start(client, **ONWARD))
    assert place.work.secret not in location
    assert client.cookies[FLOW] not in location
    assert "payroll" not in location


async def test_a_new_session_ends_the_one_before(place: World) -> None:
    client, _ = await there_and_back(place)
    (first,) = place.snapshot.sessions
    location = location_in(await start(client))
    await come_back(client, place.work, location)
    (second,) = place.snapshot.sessions
    assert first != second


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": PAYROLL, "sec-fetch-site": "same-site"},
        {},
    ],
    ids=str,
)
async def test_another_site_cannot_make_a_browser_set_out(
    place: World, headers: dict[str, str]
) -> None:
    client = await browser_of(place)
    for path in ("/federation/work/start", "/account/links/link"):
        answer = await client.post(path, headers=headers)
        assert answer.status_code == 403
    assert (await client.get("/federation/work/start")).status_code == 404
    assert not place.desk.store._state.one_time


async def test_another_browser_cannot_come_back(place: World) -> None:
    victim, attacker = await browser_of(place), await browser_of(place)
    location = location_in(await start(attacker))
    answer = await come_back(victim, place.work, location)
    assert answer.status_code == 400
    assert titles(answer) == "This sign-in could not be completed."
    assert SESSION not in answer.headers.get("set-cookie", "")
    assert not place.snapshot.sessions


async def test_a_browser_without_cookies_is_told_so(place: World) -> None:
    answer = await place.desk.client().get("/federation/work/callback?state=x&code=y")
    assert answer.status_code == 400
    assert "cookie" in titles(answer)


@pytest.mark.parametrize(
    "way_on",
    [
        {"resource": "nothing", "return": "/"},
        {"resource": "payroll", "return": "//evil.example"},
        {"resource": "payroll", "return": "https://evil.example"},
        {"resource": "payroll", "return": "/\\evil.example"},
    ],
    ids=str,
)
async def test_no_way_on_leads_elsewhere(place: World, way_on: dict[str, str]) -> None:
    client = await browser_of(place)
    assert (await start(client, **way_on)).status_code == 400
    _, back = await there_and_back(place, **{"return": "https://evil.example"})
    assert back.headers["location"] == "/"


@pytest.mark.parametrize("provider", ["nobody", "WORK", "..%2Fwork"])
async def test_a_provider_of_nobody_is_not_found(place: World, provider: str) -> None:
    client = await browser_of(place)
    assert (await start(client, provider)).status_code == 404
    answer = await client.get(f"/federation/{provider}/callback?state=x")
    assert answer.status_code == 404


async def test_a_provider_that_is_down_has_a_page(place: World) -> None:
    place.work.down = True
    answer = await start(await browser_of(place))
    assert answer.status_code == 503
    assert titles(answer) == "login.work.example does not answer."
    assert "Nothing was changed" in answer.text


async def test_an_unlinked_person_reads_what_to_do(place: World) -> None:
    place.work.claims = {"sub": "s-stranger"}
    _, back = await there_and_back(place)
    assert back.status_code == 403
    assert titles(back) == "Nobody here is known by this account at Work."
    assert "Your account" in back.text
    assert 'href="/sign-in"' in back.text


async def test_a_providers_words_are_not_shown(place: World) -> None:
    client = await browser_of(place)
    asked = parse_qs(urlsplit(location_in(await start(client))).query)
    answer = await client.get(
        "/federation/work/callback",
        params={
            "state": asked["state"][0],
            "iss": place.work.issuer,
            "error": "access_denied",
            "error_description": "<b>call 0800 SCAM</b>",
        },
    )
    assert answer.status_code == 403
    assert titles(answer) == "Work did not sign you in."
    assert "SCAM" not in answer.text


async def test_an_invitation_is_accepted_at_a_provider(place: World) -> None:
    place.work.claims = {"sub": "s-bob"}
    secret = await place.desk.invite(BOB)
    assert "Use your account at Work" in (await place.desk.client().get("/invitation")).text
    _, back = await there_and_back(place, intent="invitation", invitation=secret)
    assert back.headers["location"] == "/"
    assert await place.links("bob") == [("work", "s-bob")]
    _, again = await there_and_back(place, intent="sign-in")
    assert again.headers["location"] == "/"
    assert {session.user for session in place.snapshot.sessions.values()} == {"bob"}
    client = await browser_of(place)
    used = await start(client, intent="invitation", invitation=secret)
    assert used.status_code == 410
    assert secret not in repr(place.desk.store.content())


async def step_up(place: World, need: str, **claims: Any) -> tuple[httpx.AsyncClient, str]:
    client, _ = await there_and_back(place)
    page = await client.get("/step-up", params={"resource": "payroll", "need": need})
    assert "Confirm with Work" in page.text
    assert "Confirm with Other" not in page.text
    place.work.claims |= claims
    answer = await start(client, intent="step-up", need=need, resource="payroll")
    return client, location_in(answer)


async def test_a_step_up_at_the_provider_strengthens_the_session(place: World) -> None:
    await place.declare(acr=(AssuranceRow(value="phr", aal=2, phishing_resistant=True),))
    client, location = await step_up(place, "phishing-resistant", acr="phr")
    (before,) = place.snapshot.sessions.values()
    assert not before.phishing_resistant
    place.desk.now += 60
    old = client.cookies[SESSION]
    back = await come_back(client, place.work, location)
    assert back.headers["location"] == f"{PAYROLL}/"
    (after,) = place.snapshot.sessions.values()
    assert after.id == before.id
    assert after.phishing_resistant
    assert after.authenticated_at == int(place.desk.now)
    assert client.cookies[SESSION] != old


async def test_a_step_up_that_proves_too_little_leaves_the_session(place: World) -> None:
    await place.declare(acr=(AssuranceRow(value="phr", aal=2, phishing_resistant=True),))
    client, location = await step_up(place, "phishing-resistant", acr="0")
    before = dict(place.snapshot.sessions)
    back = await come_back(client, place.work, location)
    assert back.status_code == 400
    assert place.snapshot.sessions == before


async def test_a_step_up_is_of_the_session_that_set_out(place: World) -> None:
    """The cookie of another session, of the same person, came into the browser meanwhile."""
    client, location = await step_up(place, "fresh")
    other, _ = await there_and_back(place)
    client.cookies.set(SESSION, other.cookies[SESSION], domain=AUTH_HOST, path="/")
    before = dict(place.snapshot.sessions)
    assert len(before) == 2
    client.cookies.jar.clear(AUTH_HOST, "/", SESSION)
    back = await client.get(
        "/federation/work/callback",
        params=place.work.authorize(location),
        headers={"cookie": f"{SESSION}={other.cookies[SESSION]}; {FLOW}={client.cookies[FLOW]}"},
    )
    assert back.status_code == 401
    assert place.snapshot.sessions == before


async def test_a_provider_that_cannot_help_is_not_offered(place: World) -> None:
    client, _ = await there_and_back(place)
    page = await client.get("/step-up", params={"need": "phishing-resistant"})
    assert "Confirm with" not in page.text


async def test_a_person_links_and_unlinks_their_account(place: World) -> None:
    place.work.claims = {"sub": "s-bob", "email": "bob@work.example"}
    device = await place.desk.with_passkey(BOB)
    client = place.desk.client()
    await client.get("/sign-in")
    headers = {"origin": AUTH, "content-type": "application/json"}
    options = (await client.post("/webauthn/sign-in/options", json={}, headers=headers)).json()
    await client.post(
        "/webauthn/sign-in", json={"credential": device.get(options)}, headers=headers
    )
    page = await client.get("/account/links")
    assert "No account of yours is linked." in page.text
    own = {"origin": AUTH}
    place.desk.now += FRESH_SECONDS + 1
    stale = await client.post("/account/links/link", data={"provider": "work"}, headers=own)
    assert stale.headers["location"].startswith("/step-up?return=%2Faccount%2Flinks")
    place.desk.now -= FRESH_SECONDS + 1
    location = location_in(
        await client.post("/account/links/link", data={"provider": "work"}, headers=own)
    )
    back = await come_back(client, place.work, location)
    assert back.headers["location"] == "/account/links?done=account-linked"
    page = await client.get(back.headers["location"])
    assert "The account is linked" in page.text
    assert "bob@work.example" in page.text
    assert await place.links("bob") == [("work", "s-bob")]
    gone = await client.post("/account/links/remove", data={"provider": "work"}, headers=own)
    assert gone.headers["location"] == "/account/links?done=account-unlinked"
    assert await place.links("bob") == []
    assert await place.links("alice") == [("work", "s-alice")]


async def test_a_session_weaker_than_its_person_can_be_links_and_unlinks_nothing(
    place: World,
) -> None:
    """Whoever phished a password must not stay by an account of their own."""
    await place.desk.with_passkey(ALICE)
    await place.desk.with_password(ALICE)
    client = await browser_of(place)
    fields = {"name": "alice", "password": PASSWORD, "code": place.desk.code(ALICE)}
    await client.post("/sign-in", data=fields, headers={"origin": AUTH})
    for act, provider in (("link", "other"), ("remove", "work")):
        answer = await client.post(
            f"/account/links/{act}", data={"provider": provider}, headers={"origin": AUTH}
        )
        assert answer.headers["location"] == (
            "/step-up?return=%2Faccount%2Flinks&need=phishing-resistant"
        )
    assert await place.links("alice") == [("work", "s-alice")]


async def test_the_only_way_in_is_not_unlinked_by_its_person(place: World) -> None:
    client, _ = await there_and_back(place)
    own = {"origin": AUTH}
    kept = await client.post("/account/links/remove", data={"provider": "work"}, headers=own)
    assert (kept.status_code, titles(kept)) == (
        409,
        "This is your only way to sign in, so it stays.",
    )
    assert await place.links("alice") == [("work", "s-alice")]
    await place.link("alice", "s-alice-there", "other")
    await client.post("/account/links/remove", data={"provider": "work"}, headers=own)
    assert await place.links("alice") == [("other", "s-alice-there")]


async def test_strangers_link_nothing(place: World) -> None:
    client = await browser_of(place)
    for path in ("/account/links/link", "/account/links/remove"):
        assert (await client.post(path, headers={"origin": AUTH})).status_code == 401
    assert (await client.get("/account/links")).headers["location"].startswith("/sign-in")
    assert await place.links("alice") == [("work", "s-alice")]


async def test_a_provider_logs_out_without_cookies_or_origin(place: World) -> None:
    await there_and_back(place)
    assert place.snapshot.sessions
    server = httpx.AsyncClient(transport=httpx.ASGITransport(place.desk.app()), base_url=AUTH)
    form = {"logout_token": place.work.logout_token()}
    answer = await server.post("/federation/work/logout", data=form)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert not place.snapshot.sessions
    again = await server.post("/federation/work/logout", data=form)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_request"


SIGN_OUTS = ("/sign-out", "/account/sign-out", "/account/sessions/end-all", CONFIRM)


@pytest.mark.parametrize("path", SIGN_OUTS)
async def test_whoever_signs_out_can_do_so_at_the_provider_too(place: World, path: str) -> None:
    """Else the next person at this browser comes back in by one click."""
    place.work.document = {"end_session_endpoint": f"{WORK_ISSUER}/end?a=b"}
    client, _ = await there_and_back(place)
    page = await client.post(path, headers={"origin": AUTH, "sec-fetch-site": "same-origin"})
    assert not place.snapshot.sessions
    link = f'<a href="{WORK_ISSUER}/end?a=b&amp;client_id=doorward">Sign out at Work</a>'
    assert titles(page) == "You are signed out"
    assert link in page.text


@pytest.mark.parametrize("why", ["no-such-page", "down", "gone", "own-sign-in"])
async def test_without_such_a_page_signing_out_names_none(place: World, why: str) -> None:
    if why != "no-such-page":
        place.work.document = {"end_session_endpoint": f"{WORK_ISSUER}/end"}
    await place.begin()
    place.desk.now += 60
    client, _ = await there_and_back(place)
    if why == "down":
        place.work.down = True
        place.desk.now += KEPT_SECONDS - 60
    elif why in {"gone", "own-sign-in"}:
        async with place.desk.store.transaction() as transaction:
            session = next(iter(place.snapshot.sessions.values()))
            own = msgspec.structs.replace(session, provider="")
            gone = removal("provider", "work") if why == "gone" else change("session", own)
            await transaction.snapshot.publish([gone])
    page = await client.post("/sign-out", headers={"origin": AUTH})
    assert not place.snapshot.sessions
    assert titles(page) == "You are signed out"
    assert "Sign out at" not in page.text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"logout_token=",
        b"logout_token=a.b.c",
        b"\xff",
        b"logout_token=" + b"a" * 70_000,
        b"&" * 1000,
    ],
    ids=lambda content: repr(content[:20]),
)
async def test_a_logout_that_is_none_is_refused(place: World, content: bytes) -> None:
    await there_and_back(place)
    client = place.desk.client()
    answer = await client.post("/federation/work/logout", content=content)
    assert answer.status_code == 400
    assert place.snapshot.sessions


async def test_the_session_cookie_gives_a_logout_no_weight(place: World) -> None:
    client, _ = await there_and_back(place)
    answer = await client.post("/federation/work/logout", data={}, headers={"origin": AUTH})
    assert answer.status_code == 400
    assert place.snapshot.sessions


async def test_the_session_is_found_by_hashes_of_what_the_provider_said(place: World) -> None:
    await there_and_back(place)
    (session,) = place.snapshot.sessions.values()
    assert session.provider_subject == digest("s-alice")
    assert session.provider_session == digest("sid-1")
    assert session.user == ALICE
