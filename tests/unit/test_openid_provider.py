"""Signing in to an application by OpenID Connect, as a well-behaved application does it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from doorward.administrator.ports import DecisionQuery
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.identity import Standing
from doorward.model.ids import DeviceId, GroupId
from doorward.model.snapshot import change, removal
from tests.fakes.certificates import key_of
from tests.fakes.openid_desk import (
    SAME,
    SHOWN,
    Round,
    Stand,
    client,
    led,
    query_of,
    said,
    stand,
)
from tests.fakes.sign_in import ALICE, AUTH


@pytest.fixture
async def office() -> Stand:
    return await stand()


async def test_a_code_becomes_tokens_that_say_who_it_is(office: Stand) -> None:
    visit = await office.round()
    back = led(await visit.authorize())
    assert (back["state"], back["iss"]) == ("a-state", AUTH)
    answer = await visit.exchange(back["code"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    given = said(answer)
    assert given["token_type"] == "Bearer"
    assert 0 < given["expires_in"] <= 300
    claims = await office.claims(given["id_token"])
    (session,) = office.desk.control.live.current.sessions.values()
    assert claims["iss"] == AUTH
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("alice", "wiki", "a-nonce")
    assert claims["exp"] - claims["iat"] <= 300
    assert claims["auth_time"] == int(session.authenticated_at)
    assert claims["acr"] == "urn:doorward:aal:2"
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert (claims["name"], claims["email"]) == ("Alice Adams", "alice@example.test")
    assert claims["sid"] != session.id


async def test_at_hash_is_of_the_access_token(office: Stand) -> None:
    given = await (await office.round()).signed_in()
    claims = await office.claims(given["id_token"])
    half = hashlib.sha256(given["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == urlsafe_b64encode(half).decode().rstrip("=")


async def test_each_client_gets_its_own_algorithm(office: Stand) -> None:
    wiki = await (await office.round()).signed_in()
    app = await (await office.round("app")).signed_in()
    algorithms = []
    for given in (wiki, app):
        header = given["id_token"].split(".")[0]
        text = urlsafe_b64decode_padded(header)
        algorithms.append(msgspec.json.decode(text)["alg"])
        await office.claims(given["id_token"])
    assert algorithms == ["RS256", "ES256"]


def urlsafe_b64decode_padded(text: str) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_userinfo_says_what_the_scopes_let_it(office: Stand) -> None:
    standing = Standing(id=ALICE, groups=(GroupId("editors"),))
    await office.publish(change("standing", standing))
    visit = await office.round()
    await visit.signed_in()
    assert said(await visit.userinfo()) == {
        "sub": "alice",
        "name": "Alice Adams",
        "preferred_username": "alice",
        "email": "alice@example.test",
        "email_verified": True,
        "groups": ["editors"],
    }
    given = await visit.signed_in(scope="openid unheard-of")
    assert given["scope"] == "openid"
    assert "refresh_token" not in given
    assert said(await visit.userinfo()) == {"sub": "alice"}


async def test_nobody_signs_in_first_and_comes_back_to_the_request(office: Stand) -> None:
    await office.desk.with_password(ALICE)
    browser = office.desk.client()
    visit = Round(office, browser)
    to_sign_in = await visit.authorize()
    page = await browser.get(to_sign_in.headers["location"])
    assert "Then you go on to Wiki." in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://wiki.example.org;" in policy
    onward = parse_qs(urlsplit(to_sign_in.headers["location"]).query)["return"][0]
    form = {**await office.form(), "return": onward}
    signed_in = await browser.post("/sign-in", data=form, headers=SAME)
    assert signed_in.headers["location"] == onward
    back = led(await browser.get(onward))
    assert back["state"] == "a-state"
    assert (await visit.exchange(back["code"])).status_code == 200
    # It is answered, so it is gone.
    assert (await browser.get(onward)).status_code == 400


async def test_a_request_by_post_is_asked_again_by_get(office: Stand) -> None:
    visit = await office.round()
    form = dict(parse_qs(visit.query(), keep_blank_values=True))
    data = {name: values[0] for name, values in form.items()}
    answer = await visit.browser.post("/openid/authorize", data=data)
    assert answer.status_code == 303
    assert led(await visit.browser.get(answer.headers["location"]))["code"]


async def test_a_public_client_needs_no_secret_and_may_come_back_to_any_port(
    office: Stand,
) -> None:
    visit = await office.round("app", redirect_uri="http://127.0.0.1:49152/cb")
    back = await visit.authorize()
    assert back.headers["location"].startswith("http://127.0.0.1:49152/cb?")
    assert (await visit.exchange(led(back)["code"])).status_code == 200
    assert visit.answer["refresh_token"]


# Freshness and strength


async def test_prompt_none_never_shows_a_page(office: Stand) -> None:
    nobody = Round(office, office.desk.client())
    answer = led(await nobody.authorize(prompt="none"))
    assert (answer["error"], answer["state"], answer["iss"]) == ("login_required", "a-state", AUTH)
    visit = await office.round()
    assert led(await visit.authorize(prompt="none"))["code"]
    office.desk.now += 100
    answer = led(await visit.authorize(prompt="none", max_age="60"))
    assert answer["error"] == "login_required"


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "10"}])
async def test_a_new_authentication_is_demanded_once(office: Stand, asked: dict[str, str]) -> None:
    visit = await office.round()
    office.desk.now += 60
    answer = await visit.authorize(**asked)
    where = answer.headers["location"]
    assert where.startswith("/step-up?")
    page = await visit.browser.get(where)
    assert "Wiki" in page.text
    onward = query_of(where)["return"]
    # Going on without it leads to the same page again.
    assert (await visit.browser.get(onward)).headers["location"].startswith("/step-up?")
    form = {**await office.form(), "return": onward, "need": "fresh"}
    done = await visit.browser.post("/step-up", data=form, headers=SAME)
    assert done.headers["location"] == onward
    back = led(await visit.browser.get(onward))
    await visit.exchange(back["code"])
    claims = await office.claims(visit.answer["id_token"])
    assert claims["auth_time"] == int(office.desk.now)


async def test_a_stronger_class_is_reached_by_step_up_or_said_to_be_unmet(office: Stand) -> None:
    visit = await office.round()
    assert led(await visit.authorize(acr_values="urn:other urn:doorward:aal:2"))["code"]
    answer = await visit.authorize(acr_values="urn:doorward:aal:3")
    where = answer.headers["location"]
    assert query_of(where)["need"] == "hardware-key"
    onward = query_of(where)["return"]
    form = {**await office.form(), "return": onward, "need": "fresh"}
    await visit.browser.post("/step-up", data=form, headers=SAME)
    back = led(await visit.browser.get(onward))
    assert back["error"] == "unmet_authentication_requirements"


async def test_an_id_token_hint_of_somebody_else_is_no_sign_in(office: Stand) -> None:
    alice = await office.round()
    hint = (await alice.signed_in())["id_token"]
    assert led(await alice.authorize(id_token_hint=hint, prompt="none"))["code"]
    bob = await office.round(person="bob")
    assert led(await bob.authorize(id_token_hint=hint))["error"] == "login_required"
    assert led(await bob.authorize(id_token_hint="x.y.z"))["error"] == "invalid_request"


# The policies decide


async def decisions(office: Stand) -> list[tuple[str, str, str, str, str]]:
    found = await office.desk.store.find_decisions(DecisionQuery())
    return [
        (r.gateway, r.resource, r.outcome, r.method, r.path)
        for r in (item.record for item in found)
    ]


async def test_every_answer_is_a_decision_in_the_log(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    await visit.refresh()
    assert await decisions(office) == [
        ("control", "wiki", "allow", "POST", "/openid/token"),
        ("control", "wiki", "allow", "POST", "/openid/token"),
        ("control", "wiki", "allow", "GET", "/openid/authorize"),
    ]


async def test_who_is_denied_sees_why_and_the_application_can_learn_it(office: Stand) -> None:
    visit = await office.round(person="bob")
    answer = await visit.authorize()
    assert answer.status_code == 403
    assert "You have no access to this" in answer.text
    assert "mailto:bob@example.test?subject=Access%20to%20Wiki" in answer.text
    assert "Back to Wiki" in answer.text
    assert "error=access_denied&amp;" in answer.text
    assert led(await visit.authorize(prompt="none"))["error"] == "access_denied"
    assert [outcome for _, _, outcome, _, _ in await decisions(office)] == ["deny", "deny"]


async def test_a_remedy_leads_through_step_up_and_back(office: Stand) -> None:
    visit = await office.round("vault")
    device = await office.desk.with_passkey(ALICE)
    answer = await visit.authorize()
    assert answer.status_code == 403
    assert "Use a passkey" in answer.text
    assert led(await visit.authorize(prompt="none"))["error"] == "interaction_required"
    start = answer.text.index('href="/step-up?') + len('href="')
    link = answer.text[start : answer.text.index('"', start)].replace("&amp;", "&")
    onward = query_of(link)["return"]
    asked = await visit.browser.post("/webauthn/step-up/options", json={}, headers=SAME)
    credential = device.get(msgspec.json.decode(asked.content))
    body = {"credential": credential, "path": onward}
    done = await visit.browser.post("/webauthn/step-up", json=body, headers=SAME)
    assert said(done) == {"location": onward}
    back = led(await visit.browser.get(onward))
    assert (await visit.exchange(back["code"])).status_code == 200


async def test_the_device_s_certificate_counts(office: Stand) -> None:
    device = Device(id=DeviceId("laptop"), owner=ALICE, key=key_of("laptop"), healthy=True)
    await office.publish(change("device", device))
    visit = await office.round("managed")
    assert (await visit.authorize()).status_code == 403
    visit.browser.headers["doorward-check-certificate"] = SHOWN
    await visit.signed_in()
    # The application's own request brings no certificate: the person's counts still.
    assert (await visit.refresh()).status_code == 200
    await office.publish(change("device", msgspec.structs.replace(device, healthy=False)))
    assert said(await visit.refresh())["error"] == "invalid_grant"


MALFORMED = ("", "AB" * 32, f"{SHOWN},{SHOWN}", SHOWN.replace("cd", "zz", 1), SHOWN + " ")


@pytest.mark.parametrize("header", MALFORMED)
async def test_a_malformed_certificate_is_none(office: Stand, header: str) -> None:
    device = Device(id=DeviceId("laptop"), owner=ALICE, key=key_of("laptop"), healthy=True)
    await office.publish(change("device", device))
    visit = await office.round("managed")
    visit.browser.headers["doorward-check-certificate"] = header
    assert (await visit.authorize()).status_code == 403


async def test_an_unknown_country_satisfies_nothing(office: Stand) -> None:
    visit = await office.round("abroad")
    assert (await visit.authorize()).status_code == 403


async def test_the_country_of_the_browser_is_a_fact_and_recorded(office: Stand) -> None:
    visit = await office.round("abroad")
    visit.browser.headers["x-forwarded-for"] = "198.51.100.49"
    await visit.exchange(led(await visit.authorize())["code"])
    assert visit.answer["access_token"]
    newest = (await office.desk.store.find_decisions(DecisionQuery(limit=1)))[0].record
    assert (newest.outcome, newest.country, newest.path) == ("allow", "DE", "/openid/token")


async def test_what_cannot_be_recorded_is_denied(
    office: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from doorward.errors import DoorwardError

    visit = await office.round()
    code = await visit.code()

    async def full(_: object) -> None:
        raise DoorwardError("store-full", "The store has no room.")

    monkeypatch.setattr(office.desk.store, "append_decisions", full)
    answer = await visit.authorize()
    assert answer.status_code == 403
    assert "could not be recorded" in answer.text
    silent = led(await visit.authorize(prompt="none"))
    assert silent["error"] == "temporarily_unavailable"
    assert (await visit.exchange(code)).status_code == 503
    monkeypatch.undo()
    # Nothing was used up by that.
    assert (await visit.exchange(code)).status_code == 200


async def test_a_policy_change_denies_userinfo_at_once(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    assert (await visit.userinfo()).status_code == 200
    await office.publish(removal("policy", "wiki"))
    answer = await visit.userinfo()
    assert (answer.status_code, said(answer)["error"]) == (401, "invalid_token")


async def test_userinfo_is_recorded_before_it_is_answered(
    office: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await office.round()
    await visit.signed_in()
    await visit.userinfo()
    newest, *_ = await decisions(office)
    assert newest == ("control", "wiki", "allow", "GET", "/openid/userinfo")

    async def full(_: object) -> None:
        raise DoorwardError("store-full", "The store has no room.")

    monkeypatch.setattr(office.desk.store, "append_decisions", full)
    answer = await visit.userinfo()
    assert answer.status_code == 503
    assert "alice" not in answer.text


async def test_an_address_that_nobody_declared_is_not_verified(office: Stand) -> None:
    """A directory may provision people without one."""
    nameless = msgspec.structs.replace(office.desk.control.live.current.users[ALICE], email="")
    visit = await office.round()
    await office.publish(change("user", nameless))
    claims = await office.claims((await visit.signed_in())["id_token"])
    assert not {"email", "email_verified"} & (claims.keys() | said(await visit.userinfo()).keys())


async def test_a_policy_change_denies_the_next_refresh(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    from doorward.model.snapshot import removal

    await office.publish(removal("policy", "wiki"))
    answer = await visit.refresh()
    assert answer.status_code == 400
    assert said(answer)["error"] == "invalid_grant"


async def test_the_home_page_leads_to_applications_elsewhere(office: Stand) -> None:
    browser = await office.browser()
    assert "Wiki" not in (await browser.get("/")).text
    home = "https://wiki.example.org/"
    await office.publish(change("client", client("wiki", home=home)))
    assert f'href="{home}"' in (await browser.get("/")).text


async def test_a_person_s_own_pages_name_applications_elsewhere(office: Stand) -> None:
    browser = await office.browser()
    page = (await browser.get("/account/access")).text
    assert "<h2>Wiki</h2>" in page
    home = "https://wiki.example.org/"
    await office.publish(change("client", client("wiki", home=home)))
    page = (await browser.get("/account/access")).text
    assert f'<h2><a href="{home}">Wiki</a></h2>' in page
    assert 'href="https://."' not in page


async def test_nobody_is_led_to_a_resource_elsewhere_by_our_own_redirect(office: Stand) -> None:
    browser = await office.browser()
    answer = await browser.get("/start?resource=wiki&return=/&flow=" + "0" * 64)
    assert answer.status_code == 400


async def test_metadata_says_what_is_there(office: Stand) -> None:
    client = office.desk.client()
    for path in ("openid-configuration", "oauth-authorization-server"):
        found = said(await client.get(f"/.well-known/{path}"))
        assert found["issuer"] == AUTH
        assert found["code_challenge_methods_supported"] == ["S256"]
        assert "none" not in found["id_token_signing_alg_values_supported"]
        for name, address in found.items():
            if name.endswith("_endpoint") or name == "jwks_uri":
                path_of = address.removeprefix(AUTH)
                assert any(getattr(r, "path", "") == path_of for r in office.desk.app().routes)


async def test_the_published_keys_hold_nothing_private(office: Stand) -> None:
    keys = said(await office.desk.client().get("/openid/jwks.json"))["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "RS256"]
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & key.keys()
        assert key["use"] == "sig"
