"""The sign-in application over HTTP: what a browser, and an attacker, gets from it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
import pytest

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.end_other_sessions import end_other_sessions
from doorward.administrator.guesses import PASSWORD_BY_NAME
from doorward.administrator.open_session import SessionCookie, open_session
from doorward.bootstrap import LIMITS
from doorward.entrypoints.login import sign_in
from doorward.model.estate import User
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import (
    ALICE,
    AUTH,
    BOB,
    HANDBOOK,
    PASSWORD,
    PAYROLL,
    Desk,
    as_json,
    desk,
)

SESSION = "__Host-doorward-session"
FLOW = "__Host-doorward-flow"
SAME = {"origin": AUTH, "sec-fetch-site": "same-origin"}
RESOURCE_FLOW = "flow-cookie-at-the-resource"


@pytest.fixture
async def office() -> Desk:
    return await desk()


def form(office: Desk, **changed: str) -> dict[str, str]:
    return {"name": "alice", "password": PASSWORD, "code": office.code(ALICE), **changed}


def fresh_form(office: Desk) -> dict[str, str]:
    """The form again: with the next code, which nothing but another check refuses."""
    return form(office, code=office.code(ALICE, 1))


async def signed_in(office: Desk) -> httpx.AsyncClient:
    """A browser with a session of alice's."""
    await office.with_password(ALICE)
    client = office.client()
    await client.get("/sign-in")
    answer = await client.post("/sign-in", data=form(office), headers=SAME)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return client


async def replace_password(office: Desk) -> None:
    async with office.store.transaction() as transaction:
        stored = await transaction.credentials.password(ALICE)
        assert stored is not None
        await transaction.credentials.put(msgspec.structs.replace(stored, hash="hash of another"))


@pytest.mark.parametrize("path", ["/sign-in", "/step-up"])
async def test_a_password_replaced_meanwhile_is_refused_and_written_down(
    office: Desk, path: str
) -> None:
    client = await signed_in(office)
    if path == "/sign-in":
        client = office.client()
        await client.get("/sign-in")
    before = dict(office.control.live.current.sessions)
    office.hasher.meanwhile = replace_password(office)
    answer = await client.post(path, data=fresh_form(office), headers=SAME)
    assert answer.status_code == 401
    assert "removed or withdrawn just now" in answer.text
    assert office.control.live.current.sessions == before
    (entry,) = await office.audited("sign-in-rejected")
    assert (entry["target"], entry["method"], entry["why"]) == (
        "user:alice",
        "password",
        "credential-ended-meanwhile",
    )


def start(**changed: str) -> str:
    fields = {"resource": "payroll", "return": "/a?b=c", "flow": digest(RESOURCE_FLOW), **changed}
    return f"/start?{urlencode(fields)}"


async def code_for(client: httpx.AsyncClient, **changed: str) -> str:
    answer = await client.get(start(**changed))
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


async def callback(
    office: Desk, code: str, *, origin: str = PAYROLL, flow: str = RESOURCE_FLOW, path: str = "/a"
) -> httpx.Response:
    client = office.client(origin)
    query = urlencode({"code": code, "return": path})
    cookie = {"cookie": f"{FLOW}={flow}"}
    return await client.get(f"/.doorward/callback?{query}", headers=cookie)


# The way in


async def test_pages_are_shut_to_everything_foreign(office: Desk) -> None:
    answer = await office.client().get("/sign-in")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


async def test_cookies_are_for_this_host_and_no_script(office: Desk) -> None:
    client = await signed_in(office)
    office.now += 30
    answer = await client.post("/sign-in", data=form(office), headers=SAME)
    (cookie,) = answer.headers.get_list("set-cookie")
    name, _, attributes = cookie.partition("=")
    assert name == SESSION
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= {
        part.strip().lower() for part in attributes.split(";")
    }
    assert "domain" not in attributes.lower()


async def test_home_lists_what_would_open(office: Desk) -> None:
    client = await signed_in(office)
    page = (await client.get("/")).text
    assert "Alice Adams" in page
    assert f'href="{HANDBOOK}/"' in page
    assert "Payroll" not in page


async def test_nobody_is_sent_to_sign_in(office: Desk) -> None:
    answer = await office.client().get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_sign_in_by_passkey(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    client = office.client()
    await client.get("/sign-in")
    answer = await by_passkey(client, device, "sign-in")
    assert answer.status_code == 200
    assert as_json(answer) == {"location": "/"}
    assert "Hello, Alice Adams" in (await client.get("/")).text


async def by_passkey(
    client: httpx.AsyncClient, device: SoftwareAuthenticator, ceremony: str, **fields: str
) -> httpx.Response:
    asked = await client.post(f"/webauthn/{ceremony}/options", json={}, headers=SAME)
    options = msgspec.json.decode(asked.content)
    body = {"credential": device.get(options), **fields}
    return await client.post(f"/webauthn/{ceremony}", json=body, headers=SAME)


async def test_an_invitation_signs_in(office: Desk) -> None:
    device, secret, client = office.device(), await office.invite(ALICE), office.client()
    page = await client.get("/invitation")
    assert secret not in page.text
    read = await client.post("/invitation/read", json={"secret": secret}, headers=SAME)
    assert as_json(read)["name"] == "Alice Adams"
    asked = await client.post("/webauthn/register/options", json={"secret": secret}, headers=SAME)
    credential = device.create(msgspec.json.decode(asked.content))
    answer = await client.post(
        "/webauthn/register", json={"secret": secret, "credential": credential}, headers=SAME
    )
    assert answer.status_code == 200
    assert (await client.get("/")).status_code == 200


async def test_the_redirect_gives_a_resource_its_own_cookie(office: Desk) -> None:
    client = await signed_in(office)
    answer = await client.get(start())
    where = urlsplit(answer.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{PAYROLL}/.doorward/callback"
    query = parse_qs(where.query)
    back = await callback(office, query["code"][0], path=query["return"][0])
    assert (back.status_code, back.headers["location"]) == (303, "/a?b=c")
    secret = back.cookies[SESSION]
    assert secret != client.cookies[SESSION]
    cookie = office.control.live.current.cookies[digest(secret)]
    assert cookie.resource == "payroll"
    assert office.gateways.waited[-1] == office.control.live.current.number


async def test_sign_in_goes_on_to_the_resource(office: Desk) -> None:
    await office.with_password(ALICE)
    client = office.client()
    answer = await client.get(start())
    page = await client.get(answer.headers["location"])
    assert f"form-action 'self' {PAYROLL};" in page.headers["content-security-policy"]
    fields = {"resource": "payroll", "return": "/a?b=c", "flow": digest(RESOURCE_FLOW)}
    answer = await client.post("/sign-in", data={**form(office), **fields}, headers=SAME)
    assert answer.headers["location"] == start()


# Session fixation, step-up, sign-out


async def test_a_planted_session_cookie_becomes_nobodys(office: Desk) -> None:
    await office.with_password(ALICE)
    client = office.client()
    await client.get("/sign-in")
    client.cookies.set(SESSION, "planted-by-an-attacker", domain=urlsplit(AUTH).hostname or "")
    await client.post("/sign-in", data=form(office), headers=SAME)
    thief = office.client()
    await thief.get("/", headers={"cookie": f"{SESSION}=planted-by-an-attacker"})
    answer = await thief.get("/", headers={"cookie": f"{SESSION}=planted-by-an-attacker"})
    assert answer.headers["location"] == "/sign-in"


async def test_signing_in_again_ends_the_session_before(office: Desk) -> None:
    client = await signed_in(office)
    (former,) = office.control.live.current.sessions
    await client.post("/sign-in", data=fresh_form(office), headers=SAME)
    (session,) = office.control.live.current.sessions
    assert session != former


async def test_a_session_that_ends_while_its_browser_signs_in_again_stops_nothing(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await signed_in(office)

    async def opened(*asked: Any, **named: Any) -> SessionCookie:
        cookie = await open_session(*asked, **named)
        await end_other_sessions(office.control, Act("operator", 0), ALICE, cookie.session)
        return cookie

    monkeypatch.setattr(sign_in, "open_session", opened)
    answer = await client.post("/sign-in", data=fresh_form(office), headers=SAME)
    assert (answer.status_code, len(office.control.live.current.sessions)) == (303, 1)
    assert (await client.get("/")).status_code == 200


async def test_a_step_up_strengthens_the_session_and_changes_its_cookie(office: Desk) -> None:
    client = await signed_in(office)
    device = await office.with_passkey(ALICE)
    before, (session,) = client.cookies[SESSION], office.control.live.current.sessions.values()
    page = await client.get("/step-up?resource=payroll&return=/a&need=phishing-resistant")
    assert "password" not in page.text.lower()
    answer = await by_passkey(client, device, "step-up", resource="payroll", path="/a")
    assert as_json(answer) == {"location": f"{PAYROLL}/a"}
    (after,) = office.control.live.current.sessions.values()
    assert (after.id, after.phishing_resistant) == (session.id, True)
    assert not session.phishing_resistant
    assert client.cookies[SESSION] != before
    stale = await office.client().get("/", headers={"cookie": f"{SESSION}={before}"})
    assert stale.headers["location"] == "/sign-in"


async def test_a_step_up_to_a_passkey_takes_no_password(office: Desk) -> None:
    client = await signed_in(office)
    fields = {**fresh_form(office), "resource": "payroll", "need": "phishing-resistant"}
    answer = await client.post("/step-up", data=fields, headers=SAME)
    assert answer.status_code == 403
    (session,) = office.control.live.current.sessions.values()
    assert not session.phishing_resistant


async def test_a_step_up_by_another_person_is_refused(office: Desk) -> None:
    client = await signed_in(office)
    await office.with_passkey(ALICE)
    device = await office.with_passkey(office.control.live.current.users["bob"].id)
    answer = await by_passkey(client, device, "step-up")
    assert answer.status_code == 403


async def test_a_step_up_without_a_session_signs_in(office: Desk) -> None:
    answer = await office.client().get("/step-up?resource=payroll&return=/a&need=fresh")
    assert answer.headers["location"].startswith("/sign-in?resource=payroll")


async def test_sign_out_ends_every_session_and_every_cookie(office: Desk) -> None:
    client = await signed_in(office)
    await callback(office, await code_for(client))
    await (await another_browser(office)).get("/")
    assert len(office.control.live.current.sessions) == 2
    answer = await client.post("/sign-out", headers=SAME)
    assert "You are signed out" in answer.text
    assert not office.control.live.current.sessions
    assert not office.control.live.current.cookies
    assert SESSION not in client.cookies
    assert office.gateways.waited[-1] == office.control.live.current.number


async def another_browser(office: Desk) -> httpx.AsyncClient:
    client = office.client()
    await client.get("/sign-in")
    await client.post("/sign-in", data=fresh_form(office), headers=SAME)
    return client


async def test_a_link_signs_nobody_out(office: Desk) -> None:
    client = await signed_in(office)
    assert "Sign out?" in (await client.get("/sign-out")).text
    assert office.control.live.current.sessions


async def test_sign_out_at_a_resource_ends_that_browsers_session(office: Desk) -> None:
    client = await signed_in(office)
    await another_browser(office)
    secret = (await callback(office, await code_for(client))).cookies[SESSION]
    resource = office.client(PAYROLL)
    cookie = {"cookie": f"{SESSION}={secret}"}
    assert "Sign out?" in (await resource.get("/.doorward/sign-out", headers=cookie)).text
    refused = await resource.post("/.doorward/sign-out", headers={**cookie, "origin": HANDBOOK})
    assert refused.status_code == 403
    assert len(office.control.live.current.sessions) == 2
    await resource.post("/.doorward/sign-out", headers={**cookie, "origin": PAYROLL})
    assert len(office.control.live.current.sessions) == 1


# Attacks


CROSS_SITE = [
    {"origin": "https://evil.example"},
    {"origin": PAYROLL, "sec-fetch-site": "same-site"},
    {"origin": "null"},
    {"origin": AUTH, "sec-fetch-site": "cross-site"},
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": "http://auth.doorward.localhost:8081", "sec-fetch-site": "same-origin"},
    {},
]
POSTS = [
    "/sign-in",
    "/step-up",
    "/sign-out",
    "/invitation/read",
    "/invitation/totp",
    "/invitation/password",
    "/webauthn/register/options",
    "/webauthn/register",
    "/webauthn/sign-in/options",
    "/webauthn/sign-in",
    "/webauthn/step-up/options",
    "/webauthn/step-up",
    "/openid/logout/confirm",
    "/federation/{provider}/start",
    "/recovery",
    "/recovery/state",
    "/recovery/totp",
    "/recovery/password",
    "/recovery/passkey/options",
    "/recovery/passkey",
]
FOREIGN_POSTS = [
    "/openid/authorize",
    "/openid/logout",
    "/openid/revoke",
    "/openid/token",
    "/openid/userinfo",
]
"""What applications send, or have browsers send: each looks at no cookie."""
FROM_SERVERS = ["/federation/{provider}/logout"]
"""What no browser sends: a token proves who did."""


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
async def test_another_site_cannot_sign_a_browser_in_or_out(
    office: Desk, headers: dict[str, str]
) -> None:
    client = await signed_in(office)
    (session,) = office.control.live.current.sessions
    for path in ("/sign-in", "/sign-out"):
        answer = await client.post(path, data=fresh_form(office), headers=headers)
        assert answer.status_code == 403
        assert SESSION not in answer.headers.get("set-cookie", "")
    assert list(office.control.live.current.sessions) == [session]


@pytest.mark.parametrize("path", POSTS)
async def test_every_post_refuses_another_site(office: Desk, path: str) -> None:
    answer = await office.client().post(path, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_every_post_is_in_the_list_above(office: Desk) -> None:
    """Those of a person's own pages are found by test_account_attacks.py."""
    found = {
        route.path
        for route in office.app().routes
        if "POST" in (getattr(route, "methods", None) or ())
        and hasattr(route, "path")
        and not route.path.startswith("/account/")
    }
    assert found == {*POSTS, *FOREIGN_POSTS, *FROM_SERVERS, "/.doorward/sign-out"}


async def test_a_form_of_a_page_without_referrer_is_ours(office: Desk) -> None:
    client = await signed_in(office)
    answer = await client.post(
        "/sign-out", headers={"origin": "null", "sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"return": "//evil.example"},
        {"return": "/\\evil.example"},
        {"return": "https://evil.example/"},
        {"return": "/\t/evil.example"},
        {"resource": "https://evil.example"},
        {"resource": "nothing"},
        {"flow": "x"},
    ],
    ids=str,
)
@pytest.mark.parametrize("page", ["/start", "/sign-in", "/step-up"])
async def test_no_link_leads_elsewhere(office: Desk, page: str, changed: dict[str, str]) -> None:
    client = await signed_in(office)
    answer = await client.get(start(**changed).replace("/start", page))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil" not in answer.text


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example"])
async def test_the_callback_leads_nowhere_else(office: Desk, path: str) -> None:
    client = await signed_in(office)
    answer = await callback(office, await code_for(client), path=path)
    assert answer.status_code == 400


async def test_a_code_is_refused_twice_elsewhere_and_in_another_browser(office: Desk) -> None:
    client = await signed_in(office)
    used = await code_for(client)
    assert (await callback(office, used)).status_code == 303
    assert (await callback(office, used)).status_code == 400
    crossed = await code_for(client)
    assert (await callback(office, crossed, origin=HANDBOOK)).status_code == 400
    injected = await code_for(client)
    answer = await callback(office, injected, flow="flow-cookie-of-a-victim")
    assert answer.status_code == 400
    assert SESSION not in answer.headers.get("set-cookie", "")


async def test_a_code_of_an_ended_session_is_refused(office: Desk) -> None:
    client = await signed_in(office)
    code = await code_for(client)
    await client.post("/sign-out", headers=SAME)
    answer = await callback(office, code)
    assert answer.status_code == 401
    assert not office.control.live.current.cookies


async def test_a_resource_cookie_opens_nothing_at_the_sign_in_host(office: Desk) -> None:
    client = await signed_in(office)
    secret = (await callback(office, await code_for(client))).cookies[SESSION]
    answer = await office.client().get("/", headers={"cookie": f"{SESSION}={secret}"})
    assert answer.headers["location"] == "/sign-in"


async def test_unknown_user_and_wrong_password_read_the_same(office: Desk) -> None:
    await office.with_password(ALICE)
    pages = set()
    for changed in ({"name": "alice", "password": "wrong words here"}, {"name": "alicf"}):
        client = office.client()
        await client.get("/sign-in")
        answer = await client.post("/sign-in", data=form(office, **changed), headers=SAME)
        assert PASSWORD not in answer.text
        pages.add((answer.status_code, answer.text.replace(changed["name"], "NAME")))
    ((status, page),) = pages
    assert status == 403
    assert "Name, password and code do not match." in page


async def test_too_many_attempts_answer_429_and_say_when(office: Desk) -> None:
    await office.with_password(ALICE)
    client = office.client()
    await client.get("/sign-in")
    for _ in range(PASSWORD_BY_NAME.attempts):
        await client.post("/sign-in", data=form(office, code="000000"), headers=SAME)
    answer = await client.post("/sign-in", data=form(office), headers=SAME)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= PASSWORD_BY_NAME.window_seconds + 1
    assert "too many attempts" in answer.text


async def test_who_waits_for_recovery_looks_often_but_no_browser_without_end(office: Desk) -> None:
    """Each look takes the store's only writer."""
    client = office.client()
    await client.get("/recovery")
    await client.post("/recovery", data={"name": "alice"}, headers=SAME)
    for _ in range(LIMITS["recovery-look"].attempts - 1):
        assert (await client.post("/recovery/state", headers=SAME)).status_code == 200
    assert (await client.get("/recovery")).status_code == 200
    assert (await client.post("/recovery/state", headers=SAME)).status_code == 429
    assert (await client.get("/recovery")).status_code == 429
    assert (await client.post("/webauthn/sign-in/options", headers=SAME)).status_code == 200


async def test_a_body_that_nests_too_deep_is_malformed(office: Desk) -> None:
    client = office.client()
    await client.get("/sign-in")
    deep = b'{"credential":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}}"
    headers = {**SAME, "content-type": "application/json"}
    answer = await client.post("/webauthn/sign-in", content=deep, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "request-invalid")


async def test_a_step_up_is_of_the_person_whoever_has_their_id_as_an_address(office: Desk) -> None:
    client = await signed_in(office)
    await office.publish("user", User(id=BOB, name="Bob", email="alice"))
    office.now += 30
    fields = {"password": PASSWORD, "code": office.code(ALICE)}
    answer = await client.post("/step-up", data=fields, headers=SAME)
    assert answer.status_code == 303
    async with office.store.transaction() as transaction:
        assert not await transaction.sign_ins.of(BOB)


async def test_the_address_is_the_one_that_our_gateway_wrote(office: Desk) -> None:
    await office.with_password(ALICE)
    client = office.client(address="203.0.113.7")
    await client.get("/sign-in")
    await client.post("/sign-in", data=form(office), headers=SAME)
    (session,) = office.control.live.current.sessions.values()
    assert session.address == "203.0.113.7"


async def test_the_session_of_a_disabled_person_is_none(office: Desk) -> None:
    client = await signed_in(office)
    await office.disable(ALICE)
    assert (await client.get("/")).headers["location"] == "/sign-in"
    answer = await client.post("/sign-in", data=fresh_form(office), headers=SAME)
    assert answer.status_code == 403
    assert "disabled" in answer.text


async def test_a_session_ends_when_its_time_is_over(office: Desk) -> None:
    client = await signed_in(office)
    office.now += 3600
    assert (await client.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("origin", "path", "status"),
    [
        ("https://auth.evil.example:8081", "/sign-in", 421),
        ("https://doorward.localhost:8081", "/sign-in", 421),
        (PAYROLL, "/sign-in", 404),
        (PAYROLL, "/webauthn/sign-in", 404),
        (AUTH, "/.doorward/callback", 404),
        ("https://nothing.doorward.localhost:8081", "/.doorward/callback", 404),
        (AUTH, "/nothing", 404),
    ],
)
async def test_each_host_has_its_own_pages(
    office: Desk, origin: str, path: str, status: int
) -> None:
    assert (await office.client(origin).get(path)).status_code == status


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b'{"credential": 1}'),
        ("text/plain", b"{}"),
        ("application/json", b'"' + b"x" * 70_000 + b'"'),
    ],
)
async def test_a_malformed_body_is_a_problem_not_a_failure(
    office: Desk, content_type: str, body: bytes
) -> None:
    client = office.client()
    await client.get("/sign-in")
    answer = await client.post(
        "/webauthn/sign-in", content=body, headers={**SAME, "content-type": content_type}
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_cookies_nothing_begins(office: Desk) -> None:
    answer = await office.client().post("/webauthn/sign-in/options", json={}, headers=SAME)
    assert (answer.status_code, as_json_code(answer)) == (400, "cookies-needed")


def as_json_code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


async def test_the_keys_of_assertions_are_published(office: Desk) -> None:
    office.gateways.keys.append({"kty": "EC", "kid": "1"})
    answer = await office.client().get("/.well-known/jwks.json")
    assert answer.json() == {"keys": [{"kty": "EC", "kid": "1"}]}


async def test_a_name_cannot_carry_markup_into_the_page(office: Desk) -> None:
    client = office.client()
    await client.get("/sign-in")
    fields = {"name": '"><script>alert(1)</script>', "password": "x", "code": "1"}
    answer = await client.post("/sign-in", data=fields, headers=SAME)
    assert "<script>alert" not in answer.text
