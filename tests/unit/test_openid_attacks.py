"""Attacks on the OpenID Provider, each in the way it is done, and how it fails."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote, urlencode

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from doorward.administrator.control_plane import Act
from doorward.administrator.identity.records import Contact
from doorward.administrator.openid.clients import issue_client_secret
from doorward.administrator.openid.tell_clients import Teller
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.set_standing import disable_user
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.model.ids import SessionId
from doorward.model.snapshot import change
from doorward.protocol.openid.claims import code_challenge
from tests.fakes.openid_desk import (
    APP_CALLBACK,
    CALLBACK,
    SAME,
    VERIFIER,
    Round,
    Stand,
    client,
    led,
    query_of,
    said,
    stand,
)
from tests.fakes.sign_in import ALICE, AUTH
from tests.fakes.store import KeptMail


@pytest.fixture
async def office() -> Stand:
    return await stand()


def mail_of(office: Stand) -> KeptMail:
    mailer = office.desk.control.mailer
    assert isinstance(mailer, KeptMail)
    return mailer


async def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, said(answer)["error"]) == (status, error)
    assert "no-store" in answer.headers["cache-control"]


# Where a browser may be led


LOOKALIKES = [
    "",
    "https://wiki.example.org/cb/",
    "https://wiki.example.org/cb?x=1",
    "https://wiki.example.org/cb#x",
    "https://wiki.example.org/CB",
    "https://WIKI.example.org/cb",
    "https://wiki.example.org:443/cb",
    "https://wiki.example.org/c",
    "https://wiki.example.org/cb/../evil",
    "https://wiki.example.org/cb%2f..",
    "https://wiki.example.org.evil.example/cb",
    "https://wiki.example.org@evil.example/cb",
    "https://evil.example/https://wiki.example.org/cb",
    "https://evil.example\\@wiki.example.org/cb",
    "http://wiki.example.org/cb",
    "//wiki.example.org/cb",
    "javascript:alert(1)",
    " https://wiki.example.org/cb",
    "https://wiki.example.org/cb ",
    "https://wiki.example.org/cb\n",
    "https://wiki.example.org/cb\x00",
]


@pytest.mark.parametrize("address", LOOKALIKES)
async def test_no_browser_is_led_to_an_address_that_nobody_registered(
    office: Stand, address: str
) -> None:
    visit = await office.round()
    for prompt in (None, "none"):
        answer = await visit.authorize(redirect_uri=address, prompt=prompt)
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "did not register" in answer.text


CONFUSIONS = [
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:80:80/cb",
    "http://127.0.0.1:80@evil.example/cb",
    "http://127.0.0.1@evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:8080/cb/more",
    "http://127.0.0.1:8080/cb?x",
    "http://127.0.0.1:8080",
    "http://127.0.0.2:8080/cb",
    "http://localhost:8080/cb",
    "http://[::1]:8080/cb",
    "http://0x7f.1:8080/cb",
    "https://127.0.0.1:8080/cb",
]


@pytest.mark.parametrize("address", CONFUSIONS)
async def test_only_the_port_of_a_loopback_address_is_free(office: Stand, address: str) -> None:
    visit = await office.round("app")
    assert (await visit.authorize(redirect_uri=address)).status_code == 400


async def test_a_confidential_client_s_loopback_address_has_its_port(office: Stand) -> None:
    await office.publish(change("client", client("wiki", redirect_uris=(APP_CALLBACK,))))
    visit = await office.round(redirect_uri="http://127.0.0.1:8080/cb")
    assert (await visit.authorize()).status_code == 400


async def test_another_client_s_address_is_none_of_this_one(office: Stand) -> None:
    visit = await office.round("app")
    assert (await visit.authorize(redirect_uri=CALLBACK)).status_code == 400


async def test_an_unknown_client_is_told_to_the_person_alone(office: Stand) -> None:
    visit = await office.round()
    for name in ("nobody", "", "wiki "):
        answer = await visit.authorize(client_id=name)
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "parameter", ["client_id", "redirect_uri", "state", "scope", "code_challenge", "prompt"]
)
async def test_a_parameter_that_is_there_twice_is_refused(office: Stand, parameter: str) -> None:
    visit = await office.round()
    again = urlencode({parameter: "x"})
    answer = await visit.browser.get(f"/openid/authorize?{visit.query(prompt='login')}&{again}")
    if parameter in {"client_id", "redirect_uri"}:
        assert answer.status_code == 400
        assert "location" not in answer.headers
    else:
        back = led(answer)
        assert back["error"] == "invalid_request"
        assert back.get("state") == (None if parameter == "state" else "a-state")


@pytest.mark.parametrize("parameter", ["state", "nonce", "scope", "login_hint", "id_token_hint"])
@pytest.mark.parametrize("value", ["x" * 5000, "a\r\nlocation: https://evil.example", "ä"])
async def test_a_parameter_that_is_too_long_or_unprintable_is_refused(
    office: Stand, parameter: str, value: str
) -> None:
    visit = await office.round()
    answer = await visit.authorize(**{parameter: value})
    assert led(answer)["error"] == "invalid_request"
    assert "\n" not in answer.headers["location"]


async def test_too_many_parameters_are_refused(office: Stand) -> None:
    visit = await office.round()
    answer = await visit.browser.get(f"/openid/authorize?{visit.query()}" + "&a=b" * 100)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("parameter", "error"),
    [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ],
)
async def test_no_request_comes_from_elsewhere(office: Stand, parameter: str, error: str) -> None:
    visit = await office.round()
    answer = await visit.authorize(**{parameter: "https://evil.example/request"})
    assert led(answer)["error"] == error


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "9" * 30}, "invalid_request"),
    ],
)
async def test_what_is_not_supported_is_said(
    office: Stand, changed: dict[str, str | None], error: str
) -> None:
    visit = await office.round()
    answer = led(await visit.authorize(**changed))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "a-state", AUTH)


# PKCE: what Authlib's defaults would let through


@pytest.mark.parametrize("name", ["wiki", "app"])
@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short"},
        {"code_challenge": code_challenge(VERIFIER) + "="},
    ],
)
async def test_no_client_is_let_off_pkce_with_s256(
    office: Stand, name: str, changed: dict[str, str | None]
) -> None:
    visit = await office.round(name)
    assert led(await visit.authorize(**changed))["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["wiki", "app"])
@pytest.mark.parametrize("verifier", [None, "", "w" * 43, code_challenge(VERIFIER), "ä" * 43])
async def test_a_code_without_its_verifier_is_worth_nothing(
    office: Stand, name: str, verifier: str | None
) -> None:
    visit = await office.round(name)
    code = await visit.code()
    answer = await visit.exchange(code, code_verifier=verifier)
    assert answer.status_code == 400
    assert said(answer)["error"] in {"invalid_grant", "invalid_request"}


async def test_a_code_that_was_presented_wrongly_is_used_up(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    await refused(await visit.exchange(code, code_verifier="w" * 43), "invalid_grant")
    await refused(await visit.exchange(code), "invalid_grant")
    (entry,) = await office.desk.audited("openid-rejected")
    assert entry["why"] == "wiki: wrong code_verifier"


# Injection and replay of codes


async def test_a_code_is_of_one_client(office: Stand) -> None:
    victim = await office.round()
    code = await victim.code()
    thief = Round(office, victim.browser, client="vault")
    await refused(await thief.exchange(code), "invalid_grant")
    await refused(await victim.exchange(code), "invalid_grant")
    (entry,) = await office.desk.audited("openid-rejected")
    assert entry["why"] == "vault: of another client"


async def test_a_code_is_of_one_address(office: Stand) -> None:
    visit = await office.round("app", redirect_uri="http://127.0.0.1:1111/cb")
    code = await visit.code()
    other = "http://127.0.0.1:2222/cb"
    await refused(await visit.exchange(code, redirect_uri=other), "invalid_grant")


async def test_a_stolen_code_fits_no_other_sign_in_of_the_same_client(office: Stand) -> None:
    victim = await office.round()
    code = await victim.code()
    attacker = Round(office, victim.browser, verifier="the-attacker-s-own-verifier-0123456789-0123")
    await attacker.code()
    await refused(await attacker.exchange(code), "invalid_grant")


async def test_a_code_ends_with_its_minute_and_with_its_session(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    office.desk.now += 60
    await refused(await visit.exchange(code), "invalid_grant")
    code = await visit.code()
    act = Act("operator", office.desk.now)
    await sign_out_everywhere(office.desk.control, act, ALICE)
    await refused(await visit.exchange(code), "invalid_grant")


async def test_a_second_use_of_a_code_ends_what_the_first_gave(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    assert (await visit.exchange(code)).status_code == 200
    assert (await visit.userinfo()).status_code == 200
    await refused(await visit.exchange(code), "invalid_grant")
    assert (await visit.userinfo()).status_code == 401
    await refused(await visit.refresh(), "invalid_grant")
    (entry,) = await office.desk.audited("openid-rejected")
    assert entry["why"] == "wiki: used a second time"


async def test_of_two_uses_at_once_one_wins_at_most(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    answers = await asyncio.gather(*(visit.exchange(code) for _ in range(5)))
    assert sorted(a.status_code for a in answers) == [200, 400, 400, 400, 400]
    assert (await visit.userinfo()).status_code == 401


# Refresh tokens


async def test_a_refresh_token_works_once_and_its_reuse_ends_all(office: Stand) -> None:
    visit = await office.round()
    stolen = (await visit.signed_in())["refresh_token"]
    async with office.desk.store.transaction() as transaction:
        further = Contact(user=ALICE, value="alice@home.test", verified_at=1.0)
        await transaction.identity.notice_addresses.put(further)
    assert (await visit.refresh()).status_code == 200
    newer = visit.answer["refresh_token"]
    assert newer != stolen
    assert (await visit.userinfo()).status_code == 200
    await refused(await visit.refresh(stolen), "invalid_grant")
    await refused(await visit.refresh(newer), "invalid_grant")
    assert (await visit.userinfo()).status_code == 401
    (entry,) = await office.desk.audited("refresh-token-reused")
    assert entry["target"] == "user:alice"
    warned = mail_of(office).sent[-2:]
    assert {mail.to for mail in warned} == {"alice@example.test", "alice@home.test"}
    assert {mail.subject for mail in warned} == {"Your sign-in to Wiki was ended"}


async def test_of_two_refreshes_at_once_exactly_one_wins(office: Stand) -> None:
    visit = await office.round()
    token = (await visit.signed_in())["refresh_token"]
    answers = await asyncio.gather(*(visit.refresh(token) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 400, 400, 400]
    assert len(await office.desk.audited("refresh-token-reused")) == 1
    await refused(await visit.refresh(), "invalid_grant")


async def test_a_refresh_token_is_of_one_client(office: Stand) -> None:
    visit = await office.round()
    token = (await visit.signed_in())["refresh_token"]
    thief = Round(office, visit.browser, client="vault")
    await refused(await thief.refresh(token), "invalid_grant")
    assert (await visit.refresh()).status_code == 200


async def test_a_refresh_gives_no_more_than_was_granted(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in(scope="openid email offline_access")
    await refused(await visit.refresh(scope="openid groups"), "invalid_scope")
    await refused(await visit.refresh(scope="email"), "invalid_scope")
    assert (await visit.refresh(scope="openid")).status_code == 200
    claims = await office.claims(visit.answer["id_token"])
    assert "email" not in claims
    assert "nonce" not in claims


async def test_what_the_estate_takes_from_a_client_is_gone_at_once(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    await office.publish(change("client", client("wiki", scopes=("offline_access",))))
    assert said(await visit.userinfo()) == {"sub": "alice"}
    await visit.refresh()
    assert "email" not in await office.claims(visit.answer["id_token"])


async def test_a_client_that_lost_offline_access_refreshes_no_more(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    await office.publish(change("client", client("wiki", scopes=("profile",))))
    answer = await visit.refresh()
    assert (answer.status_code, said(answer)["error"]) == (400, "invalid_grant")


async def test_a_code_gives_what_the_client_may_have_when_it_is_exchanged(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    await office.publish(change("client", client("wiki", scopes=("profile",))))
    assert (await visit.exchange(code)).status_code == 200
    assert visit.answer["scope"] == "openid profile"
    assert "refresh_token" not in visit.answer
    assert "email" not in await office.claims(visit.answer["id_token"])


async def test_a_refresh_needs_the_session(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    (session,) = office.desk.control.live.current.sessions
    act = Act("operator", office.desk.now)
    await revoke_session(office.desk.control, act, SessionId(session))
    await refused(await visit.refresh(), "invalid_grant")
    assert (await visit.userinfo()).status_code == 401


async def test_a_refresh_needs_a_session_that_lasts(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    office.desk.now += 3600
    await refused(await visit.refresh(), "invalid_grant")


async def test_a_disabled_person_is_out_at_once(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    await disable_user(office.desk.control, Act("operator", office.desk.now), ALICE)
    assert (await visit.userinfo()).status_code == 401
    await refused(await visit.refresh(), "invalid_grant")


# Clients


def basic(name: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


async def test_nobody_passes_for_a_client(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    good = office.secrets["wiki"]
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    tries: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({}, {"client_id": "wiki"}),
        ({}, {"client_id": "wiki", "client_secret": "guess"}),
        ({}, {"client_id": "nobody", "client_secret": good}),
        ({}, {"client_id": "vault", "client_secret": good}),
        (basic("wiki", "guess"), {}),
        (basic("wiki", ""), {}),
        (basic("app", good), {}),
        ({"authorization": "Basic !!!"}, {}),
        ({"authorization": f"Bearer {good}"}, {}),
    ]
    for headers, more in tries:
        answer = await office.desk.client().post(
            "/openid/token", data={**fields, **more}, headers=headers
        )
        await refused(answer, "invalid_client", 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
    twice = await office.desk.client().post(
        "/openid/token", data={**fields, "client_secret": good}, headers=basic("wiki", good)
    )
    await refused(twice, "invalid_request")
    # None of these used the code up.
    by_form = {"client_id": "wiki", "client_secret": good}
    answer = await office.desk.client().post("/openid/token", data={**fields, **by_form})
    assert answer.status_code == 200
    whys = [entry["why"] for entry in await office.desk.audited("openid-rejected")]
    assert "wiki: wrong secret" in whys
    assert good not in str(whys)


async def test_a_former_secret_holds_as_long_as_it_was_said_to(office: Stand) -> None:
    visit = await office.round()
    control, act = office.desk.control, Act("operator", office.desk.now)
    former = office.secrets["wiki"]
    newer = await issue_client_secret(control, act, client("wiki").id, overlap_seconds=600)
    for secret in (former, newer):
        visit.secret = secret
        assert (await visit.exchange(await visit.code())).status_code == 200
    office.desk.now += 600
    visit.secret = former
    await refused(await visit.exchange(await visit.code()), "invalid_client", 401)
    visit.secret = newer
    assert (await visit.exchange(await visit.code())).status_code == 200


# Tokens at other places than they are for


async def test_a_token_of_one_client_is_nothing_to_another(office: Stand) -> None:
    visit = await office.round()
    given = await visit.signed_in()
    other = Round(office, visit.browser, client="vault")
    for token in (given["access_token"], given["refresh_token"]):
        await refused(await other.post("/openid/revoke", token=token), "unauthorized_client")
    assert (await visit.userinfo()).status_code == 200


async def test_userinfo_takes_an_access_token_in_its_header_alone(office: Stand) -> None:
    visit = await office.round()
    given = await visit.signed_in()
    for wrong in (given["refresh_token"], given["id_token"], "x" * 43, "dwt_x.y"):
        answer = await visit.userinfo(wrong)
        await refused(answer, "invalid_token", 401)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    by_query = f"/openid/userinfo?access_token={given['access_token']}"
    # A person's session is no access token either.
    for none in (
        await office.desk.client().get(by_query),
        await visit.browser.get("/openid/userinfo"),
    ):
        # Whoever shows none is told no error (RFC 6750, 3.1).
        assert (none.status_code, none.content) == (401, b"")
        assert none.headers["www-authenticate"] == 'Bearer realm="doorward"'
    office.desk.now += 300
    assert (await visit.userinfo()).status_code == 401


async def test_a_revoked_token_is_worth_nothing(office: Stand) -> None:
    visit = await office.round()
    given = await visit.signed_in()
    assert (await visit.post("/openid/revoke", token=given["access_token"])).status_code == 200
    assert (await visit.userinfo()).status_code == 401
    assert (await visit.refresh()).status_code == 200
    newest = visit.answer["refresh_token"]
    assert (await visit.post("/openid/revoke", token=newest)).status_code == 200
    await refused(await visit.refresh(), "invalid_grant")
    assert (await visit.post("/openid/revoke", token="nothing")).status_code == 200
    await refused(await visit.post("/openid/revoke"), "invalid_request")


# Logout


async def test_another_site_signs_nobody_out(office: Stand) -> None:
    visit = await office.round()
    given = await visit.signed_in()
    bob = await office.round("app", person="bob")
    others_hint = (await bob.signed_in())["id_token"]
    sessions = set(office.desk.control.live.current.sessions)
    for query in ("", f"?id_token_hint={others_hint}", "?client_id=wiki", "?logout_hint=alice"):
        answer = await visit.browser.get(f"/openid/logout{query}")
        assert answer.status_code == 200
        assert "Sign out?" in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    for site in ("cross-site", "same-site"):
        headers = {"origin": "https://evil.example", "sec-fetch-site": site}
        answer = await visit.browser.post(
            "/openid/logout/confirm", data={"id_token_hint": given["id_token"]}, headers=headers
        )
        assert answer.status_code == 403
    form = await visit.browser.post("/openid/logout", data={"client_id": "wiki"})
    assert form.status_code == 303
    assert set(office.desk.control.live.current.sessions) == sessions


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "https://wiki.example.org/bye/",
        "https://wiki.example.org/bye?x",
        "https://wiki.example.org/bye@evil.example",
        "//evil.example",
        "javascript:alert(1)",
        CALLBACK,
    ],
)
async def test_a_logout_leads_nowhere_that_was_not_registered(office: Stand, address: str) -> None:
    visit = await office.round()
    hint = (await visit.signed_in())["id_token"]
    for named in (f"id_token_hint={hint}", "client_id=wiki", ""):
        where = f"/openid/logout?{named}&post_logout_redirect_uri={quote(address, safe='')}"
        for browser in (visit.browser, office.desk.client()):
            answer = await browser.get(where)
            assert answer.status_code == 400
            assert "location" not in answer.headers
    assert office.desk.control.live.current.sessions


def forged(claims: dict[str, object], header: dict[str, str]) -> str:
    parts = [msgspec.json.encode(part) for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


async def test_no_forged_hint_signs_anybody_out(office: Stand) -> None:
    visit = await office.round()
    hint = (await visit.signed_in())["id_token"]
    claims = await office.claims(hint)
    keys = said(await office.desk.client().get("/openid/jwks.json"))["keys"]
    rsa = next(key for key in keys if key["alg"] == "RS256")
    # A verifier that lets the token choose would take the public key for a shared secret.
    shared = OctKey.import_key(msgspec.json.encode(rsa))
    head, body, signature = hint.split(".")
    forgeries = [
        forged(claims, {"alg": "none", "typ": "JWT", "kid": rsa["kid"]}),
        forged(claims, {"alg": "none"}),
        jwt.encode(
            {"alg": "HS256", "kid": rsa["kid"], "typ": "JWT"}, claims, shared, algorithms=["HS256"]
        ),
        f"{head}.{body}.",
        f"{head}.{body}x.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "x" * 9000,
        "a.b.c",
        "ä.ä.ä",
    ]
    for token in forgeries:
        answer = await visit.browser.get(f"/openid/logout?id_token_hint={quote(token)}")
        assert answer.status_code == 400, token
    assert office.desk.control.live.current.sessions


async def test_a_logout_token_is_no_hint(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    await sign_out_everywhere(office.desk.control, Act("operator", office.desk.now), ALICE)
    await Teller(office.desk.openid).tell(office.desk.now)
    ((_, token),) = office.logouts.sent
    answer = await visit.browser.get(f"/openid/logout?id_token_hint={token}")
    assert answer.status_code == 400


# Waiting requests


async def test_a_waiting_request_is_of_one_browser(office: Stand) -> None:
    await office.desk.with_password(ALICE)
    attacker = Round(office, office.desk.client())
    waiting = await attacker.authorize()
    onward = query_of(waiting.headers["location"])["return"]
    victim = await office.browser()
    answer = await victim.get(onward)
    assert answer.status_code == 400
    assert "began in another browser" in answer.text


async def test_a_waiting_request_ends(office: Stand) -> None:
    visit = Round(office, office.desk.client())
    waiting = await visit.authorize()
    office.desk.now += 1800
    onward = query_of(waiting.headers["location"])["return"]
    assert (await visit.browser.get(onward)).status_code == 400


async def test_requests_of_strangers_are_counted(office: Stand) -> None:
    visit = Round(office, office.desk.client())
    statuses = [(await visit.authorize()).status_code for _ in range(121)]
    assert set(statuses[:120]) == {303}
    assert statuses[120] == 429
    # Whoever is signed in elsewhere is not held up by that.
    other = await office.round()
    other.browser.headers["x-forwarded-for"] = "203.0.113.50"
    assert led(await other.authorize())["code"]


async def test_a_waiting_request_is_checked_against_the_estate_again(office: Stand) -> None:
    await office.desk.with_password(ALICE)
    visit = Round(office, office.desk.client())
    waiting = await visit.authorize()
    onward = query_of(waiting.headers["location"])["return"]
    await visit.browser.get("/sign-in")
    form = {**await office.form(), "return": onward}
    await visit.browser.post("/sign-in", data=form, headers=SAME)
    moved = client("wiki", redirect_uris=("https://wiki.example.org/new",))
    await office.publish(change("client", moved))
    answer = await visit.browser.get(onward)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_cookies_and_other_sites_do_nothing_at_the_applications_endpoints(
    office: Stand,
) -> None:
    visit = await office.round()
    await visit.signed_in()
    before = office.desk.store.content()
    headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    for path in ("/openid/token", "/openid/revoke", "/openid/userinfo", "/openid/authorize"):
        answer = await visit.browser.post(path, data={"a": "b"}, headers=headers)
        assert answer.status_code in {303, 400, 401}
        assert "access-control-allow-origin" not in answer.headers
    assert office.desk.store.content() == before


async def test_a_body_that_is_no_form_is_refused(office: Stand) -> None:
    post = office.desk.client().post
    await refused(await post("/openid/token", json={"a": "b"}), "invalid_request")
    urlencoded = {"content-type": "application/x-www-form-urlencoded"}
    await refused(
        await post("/openid/token", content=b"\xff", headers=urlencoded), "invalid_request"
    )
    large = b"a=" + b"b" * 70_000
    await refused(await post("/openid/token", content=large, headers=urlencoded), "invalid_request")
    for repeated in ("client_id=wiki&client_id=wiki", "client_id=app&code=1&code=2"):
        answer = await post("/openid/token", content=repeated.encode(), headers=urlencoded)
        await refused(answer, "invalid_request")
    for wrong in ("password", "client_credentials", "implicit"):
        answer = await post("/openid/token", data={"client_id": "app", "grant_type": wrong})
        await refused(answer, "unsupported_grant_type")


async def test_the_store_holds_hashes_and_no_secret(office: Stand) -> None:
    visit = await office.round()
    code = await visit.code()
    given = await visit.exchange(code)
    held = str(office.desk.store.content())
    for secret in (code, said(given)["access_token"], said(given)["refresh_token"]):
        assert secret not in held
    assert office.secrets["wiki"] not in held
    assert "PRIVATE KEY" not in held
