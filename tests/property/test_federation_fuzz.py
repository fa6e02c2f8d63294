"""Whatever a provider or a browser sends is what it is, or refused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.adapters.federation.tokens import JoseTokens
from doorward.administrator.authentication import AttemptRejectedError, digest
from doorward.administrator.federation.callback import Callback, read_callback
from doorward.administrator.federation.email_match import person_by_address, shown_address
from doorward.administrator.federation.id_token import (
    CLOCK_LEEWAY_SECONDS,
    Expected,
    check_id_token,
)
from doorward.administrator.federation.logout_token import EVENT, check_logout_token
from doorward.administrator.federation.metadata import ALGORITHMS, read_keys, read_metadata
from doorward.administrator.federation.ports import VerifiedToken
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.errors import DoorwardError
from doorward.model.endpoints import endpoint_problem, issuer_problem
from doorward.model.estate import User
from doorward.model.ids import UserId
from tests.fakes.provider import WORK_ISSUER, OidcProvider, base64url, declared, new_key, signed
from tests.fakes.sign_in import NOON
from tests.unit.federation_world import World, world

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
HONEST: dict[str, Any] = {
    "iss": WORK_ISSUER,
    "aud": "doorward",
    "exp": int(NOON) + 300,
    "iat": int(NOON),
    "auth_time": int(NOON),
    "nonce": "nonce",
    "sub": "s-alice",
    "sid": "sid-1",
}
LOGOUT: dict[str, Any] = {
    "iss": WORK_ISSUER,
    "aud": "doorward",
    "exp": int(NOON) + 120,
    "iat": int(NOON),
    "jti": "jti-1",
    "events": {EVENT: {}},
    "sub": "s-alice",
    "sid": "sid-1",
}
EXPECTED = Expected(WORK_ISSUER, "doorward", digest("nonce"), NOON, fresh=True)
KEY = new_key("k1")
TOKENS = JoseTokens()
PUBLIC = [KEY.as_dict(private=False)]
HONEST_TOKEN = signed(HONEST, KEY, "ES256", kid="k1")

changes = st.dictionaries(
    st.sampled_from([*HONEST, "azp", "at_hash", "acr", "amr", "nbf"]),
    JSON | st.sampled_from(["doorward", WORK_ISSUER, int(NOON), int(NOON) - 61, int(NOON) + 61]),
    min_size=1,
    max_size=3,
)


@given(changes, st.sets(st.sampled_from(sorted(HONEST)), max_size=2))
def test_an_id_token_is_accepted_only_where_every_rule_holds(
    changed: dict[str, Any], missing: set[str]
) -> None:
    claims = {name: value for name, value in {**HONEST, **changed}.items() if name not in missing}
    token = VerifiedToken(type="JWT", algorithm="ES256", claims=claims)
    try:
        accepted = check_id_token(token, EXPECTED, "access-token", NOON)
    except FederationRejectedError:
        return
    audience = claims["aud"]
    assert claims["iss"] == WORK_ISSUER
    assert claims["nonce"] == "nonce"
    assert audience == "doorward" or "doorward" in audience
    assert claims.get("azp") in (None, "doorward")
    assert claims.get("azp") == "doorward" or audience in ("doorward", ["doorward"])
    assert claims["exp"] > NOON - CLOCK_LEEWAY_SECONDS
    assert abs(claims["iat"] - NOON) <= CLOCK_LEEWAY_SECONDS
    assert abs(claims["auth_time"] - NOON) <= CLOCK_LEEWAY_SECONDS
    assert "at_hash" not in claims
    assert accepted.subject == claims["sub"]
    assert accepted.subject.isascii()
    assert 0 < len(accepted.subject) <= 255
    assert isinstance(accepted.acr, str)
    assert all(isinstance(method, str) for method in accepted.amr)


def test_the_honest_tokens_of_these_properties_are_accepted() -> None:
    token = VerifiedToken(type="", algorithm="ES256", claims=HONEST)
    assert check_id_token(token, EXPECTED, "", NOON).subject == "s-alice"
    logout = VerifiedToken(type="", algorithm="ES256", claims=LOGOUT)
    assert check_logout_token(logout, WORK_ISSUER, "doorward", NOON).session == "sid-1"


@given(
    st.dictionaries(st.sampled_from([*LOGOUT, "nonce", "azp"]), JSON, min_size=1, max_size=3),
    st.sets(st.sampled_from(sorted(LOGOUT)), max_size=2),
)
def test_a_logout_token_is_accepted_only_where_every_rule_holds(
    changed: dict[str, Any], missing: set[str]
) -> None:
    claims = {name: value for name, value in {**LOGOUT, **changed}.items() if name not in missing}
    token = VerifiedToken(type="logout+jwt", algorithm="ES256", claims=claims)
    try:
        logout = check_logout_token(token, WORK_ISSUER, "doorward", NOON)
    except FederationRejectedError:
        return
    assert claims["iss"] == WORK_ISSUER
    assert "nonce" not in claims
    assert isinstance(claims["events"][EVENT], dict)
    assert logout.subject or logout.session
    assert logout.id == claims["jti"]
    assert logout.forget_at > NOON


@given(st.text() | st.builds(".".join, st.lists(st.text(), min_size=3, max_size=3)))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    try:
        token = TOKENS.read(text)
    except FederationRejectedError:
        return
    with pytest.raises(FederationRejectedError):
        TOKENS.verify(token, PUBLIC, ALGORITHMS)


@given(
    st.integers(min_value=0, max_value=len(HONEST_TOKEN) - 1),
    st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."),
)
def test_no_letter_of_a_token_can_be_changed(position: int, letter: str) -> None:
    changed = HONEST_TOKEN[:position] + letter + HONEST_TOKEN[position + 1 :]
    try:
        claims = TOKENS.verify(TOKENS.read(changed), PUBLIC, ALGORITHMS).claims
    except FederationRejectedError:
        return
    # The last letter of a part has bits that no byte takes: then it is the same token.
    assert claims == HONEST


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]), JSON))
def test_no_header_is_believed(header: dict[str, Any]) -> None:
    try:
        encoded = msgspec.json.encode({"alg": "ES256", "kid": "k1", **header})
    except (msgspec.EncodeError, OverflowError, ValueError):
        return
    token = ".".join((base64url(encoded), *HONEST_TOKEN.split(".")[1:]))
    try:
        claims = TOKENS.verify(TOKENS.read(token), PUBLIC, ALGORITHMS).claims
    except FederationRejectedError:
        return
    assert claims == HONEST


@given(st.lists(st.dictionaries(st.sampled_from(["kty", "kid", "crv", "x", "y", "n", "e"]), JSON)))
def test_keys_that_are_none_verify_nothing(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(FederationRejectedError):
        TOKENS.verify(TOKENS.read(HONEST_TOKEN), keys, ALGORITHMS)


def test_no_algorithms_means_none() -> None:
    """joserfc takes an empty list for its own defaults."""
    with pytest.raises(FederationRejectedError):
        TOKENS.verify(TOKENS.read(HONEST_TOKEN), PUBLIC, ())


@given(st.binary(max_size=200) | JSON.map(lambda value: repr(value).encode()))
def test_any_bytes_are_a_document_or_refused(body: bytes) -> None:
    for read in (lambda: read_metadata(body, WORK_ISSUER), lambda: read_keys(body)):
        with suppress(DoorwardError):
            read()


@given(
    st.dictionaries(
        st.sampled_from(sorted(OidcProvider(WORK_ISSUER, lambda: NOON).metadata())), JSON
    )
)
def test_a_document_is_accepted_only_where_every_rule_holds(changed: dict[str, Any]) -> None:
    honest = OidcProvider(WORK_ISSUER, lambda: NOON, keys=[KEY]).metadata()
    try:
        body = msgspec.json.encode({**honest, **changed})
        metadata = read_metadata(body, WORK_ISSUER)
    except (DoorwardError, OverflowError):
        return
    assert metadata.issuer == WORK_ISSUER
    assert metadata.algorithms
    assert not {"none", "HS256"} & set(metadata.algorithms)
    for endpoint in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
        assert endpoint.startswith("https://")


@given(st.text())
def test_any_text_is_an_address_or_has_a_problem(text: str) -> None:
    for problem in (issuer_problem(text), endpoint_problem(text, WORK_ISSUER)):
        assert problem or text.startswith(("https://", "http://"))


@given(
    st.lists(
        st.tuples(st.sampled_from(["state", "code", "iss", "error", "x", "State"]), st.text()),
        max_size=6,
    )
)
def test_any_parameters_are_a_callback_or_refused(pairs: list[tuple[str, str]]) -> None:
    known = [name for name, _ in pairs if name in {"state", "code", "iss", "error"}]
    try:
        callback = read_callback(pairs)
    except FederationRejectedError:
        return
    assert len(set(known)) == len(known)
    given = dict(pairs)
    said = Callback(
        given.get("state", ""), given.get("code", ""), given.get("iss"), given.get("error", "")
    )
    assert callback == said


@given(st.text() | JSON, JSON)
def test_an_address_names_whoever_has_exactly_it(email: object, verified: object) -> None:
    people = [
        User(id=UserId("kim"), name="Kim", email="kim@example.test"),
        User(id=UserId("k2"), name="K", email="\u212aim@example.test"),
    ]
    provider = declared(match="email", domains=("example.test",))
    claims = {"email": email, "email_verified": verified}
    assert isinstance(shown_address(claims), str)
    try:
        found = person_by_address(provider, claims, people)
    except AttemptRejectedError:
        return
    assert isinstance(email, str)
    assert email.isascii()
    assert email.lower() == found.email
    assert verified is True


@given(st.sampled_from("kim"), st.characters())
def test_no_letter_of_an_address_can_be_another(letter: str, other: str) -> None:
    provider = declared(match="email", domains=("example.test",))
    kim = User(id=UserId("kim"), name="Kim", email="kim@example.test")
    email = "kim@example.test".replace(letter, other, 1)
    try:
        person_by_address(provider, {"email": email, "email_verified": True}, [kim])
    except AttemptRejectedError:
        return
    assert other in {letter, letter.upper()}


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["state", "code", "iss", "error", "sid"]), st.text()))
def test_no_callback_of_nobody_changes_anything(parameters: dict[str, str]) -> None:
    asyncio.run(_refused(parameters))


async def _refused(parameters: dict[str, str]) -> None:
    place: World = await world()
    await place.link("alice")
    await place.begin()
    before = place.snapshot
    with pytest.raises(AttemptRejectedError):
        await place.complete(parameters)
    assert place.snapshot is before
    assert len(await place.rejected()) == 1
