"""What an attacker sends instead of a provider's answer fails, is recorded, and changes nothing.

RFC 9700 (OAuth 2.0 security best current practice) and OpenID Connect Core 1.0, 3.1.3.7 and 16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from doorward.adapters.federation.http import MAX_BYTES
from doorward.administrator.federation.complete import complete_federation
from doorward.administrator.federation.flow import LIFETIME_SECONDS
from doorward.administrator.federation.ports import Answer
from doorward.errors import DoorwardError
from tests.fakes.provider import AnyKey, base64url, new_key, signed, signed_by_hmac
from tests.fakes.sign_in import ELSEWHERE, HERE
from tests.unit.federation_world import World, world


@pytest.fixture
async def place() -> World:
    """Alice is linked at both providers."""
    place = await world()
    await place.link("alice")
    await place.link("alice", "s-alice", "other")
    return place


async def refused(place: World, parameters: dict[str, str], why: str, **where: Any) -> None:
    """`parameters` sign nobody in, for the reason `why`, which the browser does not learn."""
    before = place.snapshot
    with pytest.raises(DoorwardError, match="federation-refused") as error:
        await place.complete(parameters, **where)
    assert why not in error.value.detail + error.value.remedy
    assert (await place.rejected())[-1] == why
    assert place.snapshot is before


async def answered(place: World) -> dict[str, str]:
    """What the browser brings back from `work`."""
    return place.work.authorize(await place.begin())


async def test_the_honest_answer_signs_in(place: World) -> None:
    assert (await place.complete(await answered(place))).proof.user == "alice"


async def test_mix_up_a_state_leads_to_its_own_provider_only(place: World) -> None:
    """The attacker runs `other`, and has the victim's browser bring the code of `work` there."""
    came_back = await answered(place)
    await refused(place, came_back, "state-of-another-provider", provider="other")
    assert "/token" not in place.other.asked
    assert "/token" not in place.work.asked


async def test_mix_up_an_answer_of_another_issuer_is_refused(place: World) -> None:
    came_back = await answered(place)
    await refused(place, {**came_back, "iss": place.other.issuer}, "issuer-wrong")
    assert "/token" not in place.work.asked


async def test_an_issuer_that_is_promised_must_be_there(place: World) -> None:
    came_back = await answered(place)
    del came_back["iss"]
    await refused(place, came_back, "issuer-missing")


async def test_an_issuer_that_is_not_promised_may_be_missing_but_not_wrong(place: World) -> None:
    place.work.document = {"authorization_response_iss_parameter_supported": None}
    came_back = await answered(place)
    await refused(place, {**came_back, "iss": "https://evil.example"}, "issuer-wrong")
    came_back = await answered(place)
    del came_back["iss"]
    assert (await place.complete(came_back)).proof.user == "alice"


async def test_login_csrf_an_answer_for_another_browser_is_refused_and_used_up(
    place: World,
) -> None:
    """The attacker's own state and code, slipped into the victim's browser."""
    came_back = await answered(place)
    await refused(place, came_back, "state-of-another-browser", browser=ELSEWHERE)
    await refused(place, came_back, "state-unknown", browser=HERE)


async def test_code_injection_a_code_of_another_sign_in_is_refused(place: World) -> None:
    """A stolen code with the attacker's own state: the verifier does not fit (RFC 7636)."""
    stolen = await answered(place)
    own = place.work.authorize(await place.begin(browser=ELSEWHERE))
    mixed = {**own, "code": stolen["code"]}
    await refused(place, mixed, "code-refused-by-provider", browser=ELSEWHERE)


async def test_code_injection_fails_by_the_nonce_where_a_provider_ignores_pkce(
    place: World,
) -> None:
    stolen = await answered(place)
    own = place.work.authorize(await place.begin(browser=ELSEWHERE))
    # A provider that forgets the challenge: the code is good whatever the verifier.
    codes = place.work._codes
    codes[stolen["code"]]["code_challenge"] = codes[own["code"]]["code_challenge"]
    mixed = {**own, "code": stolen["code"]}
    await refused(place, mixed, "nonce-wrong", browser=ELSEWHERE)


async def test_a_state_works_once(place: World) -> None:
    came_back = await answered(place)
    await place.complete(came_back)
    await refused(place, came_back, "state-unknown")


async def test_a_state_expires(place: World) -> None:
    came_back = await answered(place)
    place.desk.now += LIFETIME_SECONDS
    await refused(place, came_back, "state-unknown")


@pytest.mark.parametrize("state", ["", "x", "a" * 43, None], ids=str)
async def test_a_state_that_nobody_gave_out_is_refused(place: World, state: str | None) -> None:
    came_back: dict[str, str] = {"code": "c"} if state is None else {"code": "c", "state": state}
    why = "callback-malformed" if state == "" else "state-unknown"
    await refused(place, came_back, why)


async def test_a_provider_that_has_another_issuer_since_is_refused(place: World) -> None:
    came_back = await answered(place)
    await place.declare(issuer="https://login.new.example")
    await refused(place, came_back, "state-of-another-provider")


async def test_the_store_holds_neither_state_nor_nonce_nor_verifier(place: World) -> None:
    asked = parse_qs(urlsplit(await place.begin()).query)
    content = repr(place.desk.store.content())
    assert asked["state"][0] not in content
    assert asked["nonce"][0] not in content
    (flow,) = [
        i for (purpose, _), i in place.desk.store._state.one_time.items() if purpose == "federation"
    ]
    assert set(msgspec.json.decode(flow.data)) >= {"nonce_digest", "sealed_verifier"}


LIES: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.example"}, "issuer-wrong"),
    ({"iss": "https://login.work.example/"}, "issuer-wrong"),
    ({"iss": None}, "issuer-wrong"),
    ({"aud": "another-client"}, "audience-wrong"),
    ({"aud": []}, "audience-wrong"),
    ({"aud": None}, "audience-wrong"),
    ({"aud": {"doorward": 1}}, "audience-wrong"),
    ({"aud": ["doorward", "another-client"]}, "authorized-party-wrong"),
    ({"aud": ["doorward", "another-client"], "azp": "another-client"}, "authorized-party-wrong"),
    ({"azp": "another-client"}, "authorized-party-wrong"),
    ({"nonce": None}, "nonce-wrong"),
    ({"nonce": "replayed"}, "nonce-wrong"),
    ({"nonce": ["x"]}, "nonce-wrong"),
    ({"exp": None}, "expired"),
    ({"exp": 1}, "expired"),
    ({"exp": "2099"}, "exp-malformed"),
    ({"exp": True}, "exp-malformed"),
    ({"exp": 10**400}, "exp-malformed"),
    ({"iat": None}, "issued-in-the-future"),
    ({"iat": 4102444800}, "issued-in-the-future"),
    ({"iat": 1}, "issued-before-the-sign-in"),
    ({"nbf": 4102444800}, "issued-in-the-future"),
    ({"auth_time": 4102444800}, "authenticated-in-the-future"),
    ({"auth_time": "now"}, "auth_time-malformed"),
    ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "access-token-of-another"),
    ({"at_hash": 3}, "access-token-of-another"),
    ({"sub": None}, "subject-malformed"),
    ({"sub": ""}, "subject-malformed"),
    ({"sub": 7}, "subject-malformed"),
    ({"sub": "s" * 256}, "subject-malformed"),
    ({"sub": "s-\u0430lice"}, "subject-malformed"),
    ({"sid": 7}, "sid-malformed"),
]


@pytest.mark.parametrize(("lie", "why"), LIES, ids=str)
async def test_an_id_token_that_lies_is_refused(
    place: World, lie: dict[str, Any], why: str
) -> None:
    place.work.lies = lie
    await refused(place, await answered(place), why)


async def test_several_audiences_are_fine_where_the_token_is_for_us(place: World) -> None:
    place.work.lies = {"aud": ["doorward", "another"], "azp": "doorward"}
    assert (await place.complete(await answered(place))).proof.user == "alice"


async def test_a_right_access_token_hash_is_accepted(place: World) -> None:
    # The left half of SHA-256("access-token"), base64url.
    half = hashlib.sha256(b"access-token").digest()[:16]
    place.work.lies = {"at_hash": base64url(half)}
    assert (await place.complete(await answered(place))).proof.user == "alice"


@pytest.mark.parametrize("seconds", [-59, 59])
async def test_clocks_may_differ_by_less_than_a_minute(place: World, seconds: int) -> None:
    place.work.skew = seconds
    assert (await place.complete(await answered(place))).proof.user == "alice"


async def test_a_clock_that_is_far_off_is_named(place: World) -> None:
    place.work.skew = 200
    came_back = await answered(place)
    with pytest.raises(DoorwardError, match="federation-refused") as error:
        await place.complete(came_back)
    assert "clocks of Work and doorward differ" in error.value.remedy
    assert "+200 s" in (await place.rejected())[-1]


def by(key: AnyKey | None, algorithm: str, **header: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: signed(claims, key, algorithm, **header)


async def test_alg_none_is_refused(place: World) -> None:
    place.work.resign = by(None, "none")
    await refused(place, await answered(place), "token-malformed")
    place.work.resign = lambda claims: signed(claims, None, "none") + "AAAA"
    await refused(place, await answered(place), "algorithm-refused")


@pytest.mark.parametrize("form", ["pem", "jwk", "client-secret"])
async def test_hs256_by_what_everybody_knows_is_refused(place: World, form: str) -> None:
    """The public key, or the client's own secret, used as an HMAC key (RFC 8725, 2.1)."""
    public = place.work.keys[0]
    secret = {
        "pem": public.as_pem(private=False),
        "jwk": msgspec.json.encode(public.as_dict(private=False)),
        "client-secret": place.work.secret.encode(),
    }[form]
    place.work.document = {"id_token_signing_alg_values_supported": ["ES256", "HS256"]}
    place.work.resign = lambda claims: signed_by_hmac(claims, secret, kid="k1")
    await refused(place, await answered(place), "algorithm-refused")


async def test_an_algorithm_that_the_provider_does_not_use_is_refused(place: World) -> None:
    place.work.keys = [new_key("k1", "ES256"), new_key("k2", "RS256")]
    place.work.resign = by(place.work.keys[1], "RS256", kid="k2")
    await refused(place, await answered(place), "algorithm-refused")


async def test_a_key_of_nobody_is_refused(place: World) -> None:
    place.work.resign = by(new_key("k1"), "ES256", kid="k1")
    await refused(place, await answered(place), "signature-wrong")


async def test_a_token_that_brings_its_own_key_is_refused(place: World) -> None:
    own = new_key("own")
    jwk = own.as_dict(private=False)
    place.work.resign = by(own, "ES256", kid="own", jwk=jwk)
    await refused(place, await answered(place), "key-unknown")
    place.work.resign = by(own, "ES256", jwk=jwk, jku="https://evil.example/keys")
    await refused(place, await answered(place), "signature-wrong")


async def test_an_unknown_key_is_asked_for_once_a_minute(place: World) -> None:
    place.work.resign = by(new_key("k9"), "ES256", kid="k9")
    for _ in range(5):
        await refused(place, await answered(place), "key-unknown")
    assert place.work.asked.count("/keys") == 1
    place.desk.now += 61
    for _ in range(5):
        await refused(place, await answered(place), "key-unknown")
    assert place.work.asked.count("/keys") == 2


async def test_a_new_key_of_the_provider_is_learnt(place: World) -> None:
    await place.complete(await answered(place))
    place.desk.now += 61
    place.work.keys.append(new_key("k2"))
    assert (await place.complete(await answered(place))).proof.user == "alice"


async def test_two_keys_of_one_name_are_no_key(place: World) -> None:
    place.work.keys = [new_key("k1"), new_key("k1")]
    await refused(place, await answered(place), "key-unknown")


@pytest.mark.parametrize(
    "header", [{"typ": "logout+jwt"}, {"typ": "at+jwt"}, {"typ": "secevent+jwt"}], ids=str
)
async def test_a_token_of_another_kind_is_no_id_token(place: World, header: dict[str, Any]) -> None:
    place.work.header = header
    await refused(place, await answered(place), "not-an-id-token")


async def test_a_header_that_must_be_understood_is_refused(place: World) -> None:
    honest = place.work.keys[0]

    def critical(claims: dict[str, Any]) -> str:
        token = signed(claims, honest, "ES256", kid="k1")
        header = {"alg": "ES256", "kid": "k1", "crit": ["x"], "x": 1}
        return ".".join((base64url(msgspec.json.encode(header)), *token.split(".")[1:]))

    place.work.resign = critical
    await refused(place, await answered(place), "token-malformed")


async def test_user_info_of_somebody_else_is_refused(place: World) -> None:
    await place.declare(groups_claim="groups")
    place.work.user_info = {"sub": "s-bob", "groups": ["Finance"]}
    await refused(place, await answered(place), "user-info-of-another")


async def test_a_parameter_that_comes_twice_is_refused(place: World) -> None:
    came_back = await answered(place)
    for name in ("state", "code", "iss"):
        pairs = [*came_back.items(), (name, came_back[name])]
        with pytest.raises(DoorwardError, match="federation-refused"):
            await complete_federation(
                place.desk.federation, HERE, "work", pairs, now=place.desk.now
            )
    assert set(await place.rejected()) == {"callback-malformed"}


async def test_a_provider_that_declines_is_told_in_its_name(place: World) -> None:
    state = parse_qs(urlsplit(await place.begin()).query)["state"][0]
    answer = {
        "error": "access_denied",
        "state": state,
        "iss": place.work.issuer,
        "error_description": "<script>alert(1)</script>",
    }
    with pytest.raises(DoorwardError, match="provider-declined") as error:
        await place.complete(answer)
    assert error.value.detail == "Work did not sign you in."
    assert await place.rejected() == ["provider-said access_denied"]
    await refused(place, answer, "state-unknown")


async def test_an_error_is_recorded_in_safe_letters_only(place: World) -> None:
    state = parse_qs(urlsplit(await place.begin()).query)["state"][0]
    with pytest.raises(DoorwardError, match="provider-declined"):
        await place.complete({"error": "<b>", "state": state, "iss": place.work.issuer})
    assert await place.rejected() == ["provider-said something"]


async def test_a_provider_that_is_down_is_said_so_and_nothing_changes(place: World) -> None:
    came_back = await answered(place)
    place.work.down = True
    before = place.snapshot
    with pytest.raises(DoorwardError, match="provider-unreachable") as error:
        await place.complete(came_back)
    assert "Nothing was changed" in error.value.remedy
    assert place.snapshot is before
    place.desk.now += 3601
    with pytest.raises(DoorwardError, match="provider-unreachable"):
        await place.begin()


async def test_a_client_that_is_refused_is_told_what_to_do(place: World) -> None:
    place.work.secret = "another"
    with pytest.raises(DoorwardError, match="provider-client-refused") as error:
        await place.complete(await answered(place))
    assert "doorward provider secret work" in error.value.remedy


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500, body=b"{}"),
        Answer(status=200, body=b"<html>"),
        Answer(status=200, body=b"[]"),
        Answer(status=200, body=b"{}"),
        Answer(status=200, body=b"x" * MAX_BYTES),
        Answer(status=200, body=b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        Answer(status=200, body=b'{"id_token":1,"access_token":"a","token_type":"Bearer"}'),
        Answer(status=200, body=b'{"id_token":"a.b.c","access_token":"a","token_type":"DPoP"}'),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:20]!r}",
)
async def test_token_answers_that_are_none_are_refused(place: World, answer: Answer) -> None:
    came_back = await answered(place)
    place.work.answers["/token"] = answer
    before = place.snapshot
    with pytest.raises(DoorwardError, match="provider-invalid"):
        await place.complete(came_back)
    assert place.snapshot is before


NESTED = base64url(b'{"alg":"ES256","x":' + b"[" * 5000 + b"]" * 5000 + b"}") + ".e30.AA"


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", "....", "é.b.c", "a.b.c.d.e", "a" * 70_000, NESTED]
)
async def test_what_is_no_token_is_refused(place: World, token: str) -> None:
    place.work.token_answer = {"id_token": token}
    await refused(place, await answered(place), "token-malformed")


async def test_too_many_attempts_from_one_address_are_cut_off(place: World) -> None:
    for _ in range(120):
        with pytest.raises(DoorwardError, match="federation-refused"):
            await place.complete({"state": "x", "code": "c"})
    with pytest.raises(DoorwardError, match="too-many-attempts"):
        await place.complete({"state": "x", "code": "c"})
    with pytest.raises(DoorwardError, match="too-many-attempts"):
        await place.begin()
