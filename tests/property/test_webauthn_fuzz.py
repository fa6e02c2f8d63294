"""Whatever a stranger sends instead of a passkey's answer: PasskeyRejectedError, nothing else.

Two ways: noise of the right shape, and an honest answer of which one part is changed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from doorward.adapters.attestation import AttestationRoots
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.administrator.authentication import PasskeyRejectedError, UnverifiedCredential
from doorward.administrator.ports import Passkey
from doorward.model.estate import User
from doorward.model.ids import UserId
from tests.fakes.attestation import Maker
from tests.fakes.authenticator import SoftwareAuthenticator

ORIGIN, RP_ID = "https://auth.doorward.localhost:8081", "auth.doorward.localhost"
MODEL = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
CHALLENGE = "A" * 43
ALICE = User(id=UserId("alice"), name="Alice", email="alice@example.test")
MAKER = Maker(MODEL)
PARTY = WebAuthnRelyingParty(
    rp_id=RP_ID, name="example", origins=[ORIGIN], roots=AttestationRoots([MAKER.root])
)
DEVICE = SoftwareAuthenticator(ORIGIN, RP_ID, aaguid=MODEL, maker=MAKER)
CREATED: dict[str, Any] = DEVICE.create(
    PARTY.registration_options(ALICE, CHALLENGE, (), attested=True)
)
_NEW = PARTY.verify_registration(PARTY.read(CREATED))
PASSKEY = Passkey(
    id=_NEW.id,
    user=ALICE.id,
    name="Key",
    public_key=_NEW.public_key,
    sign_count=0,
    transports=(),
    aaguid=_NEW.aaguid,
    created_at=0.0,
)
USED: dict[str, Any] = DEVICE.get(PARTY.authentication_options(CHALLENGE, ()))

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
)
values = st.recursive(
    scalars | st.binary(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(-70000, 70000), inner, max_size=4)
    ),
    max_leaves=12,
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=8,
)


def judge(response: dict[str, Any], passkey: Passkey | None) -> str:
    """What comes of an answer; anything but acceptance or a rejection fails the test."""
    why = ""
    try:
        credential = PARTY.read(response)
        if passkey is None:
            PARTY.verify_registration(credential)
        else:
            PARTY.verify_authentication(credential, passkey)
    except PasskeyRejectedError as error:
        why = error.why
    assert len(why) <= 200
    assert why.isprintable()
    return "rejected" if why else "accepted"


def test_the_honest_answers_are_accepted() -> None:
    assert judge(CREATED, None) == "accepted"
    assert judge(USED, PASSKEY) == "accepted"
    assert _NEW.attested


@given(json_values)
def test_any_json_is_rejected(value: Any) -> None:
    for passkey in (None, PASSKEY):
        assert judge(value, passkey) == "rejected"
        assert judge({"id": DEVICE.name, "response": value}, passkey) == "rejected"


@given(st.dictionaries(st.sampled_from(sorted(CREATED)), json_values, min_size=1))
def test_changed_members_are_rejected_or_harmless(changed: dict[str, Any]) -> None:
    for honest, passkey in ((CREATED, None), (USED, PASSKEY)):
        judge({**honest, **changed}, passkey)


def with_client_data(honest: dict[str, Any], text: bytes) -> dict[str, Any]:
    answer = copy.deepcopy(honest)
    answer["response"]["clientDataJSON"] = bytes_to_base64url(text)
    return answer


@given(
    st.dictionaries(
        st.sampled_from(["type", "challenge", "origin", "crossOrigin", "tokenBinding", "x"]),
        json_values,
        min_size=1,
    )
)
def test_client_data_that_was_not_signed_is_rejected(changed: dict[str, Any]) -> None:
    for honest, passkey in ((CREATED, None), (USED, PASSKEY)):
        client_data = json.loads(base64url_to_bytes(honest["response"]["clientDataJSON"]))
        text = json.dumps({**client_data, **changed}).encode()
        same = text == base64url_to_bytes(honest["response"]["clientDataJSON"])
        wanted = "accepted" if same else "rejected"
        assert judge(with_client_data(honest, text), passkey) == wanted


@given(st.binary(max_size=200))
def test_client_data_of_any_bytes_is_rejected(text: bytes) -> None:
    for honest, passkey in ((CREATED, None), (USED, PASSKEY)):
        assert judge(with_client_data(honest, text), passkey) == "rejected"


@pytest.mark.parametrize("depth", [500, 5000, 50_000])
def test_client_data_that_nests_too_deep_is_rejected(depth: int) -> None:
    text = b"[" * depth + b"]" * depth
    for honest, passkey in ((CREATED, None), (USED, PASSKEY)):
        assert judge(with_client_data(honest, text), passkey) == "rejected"


def with_object(change: Callable[[dict[Any, Any]], Any]) -> dict[str, Any]:
    """The honest registration with another attestation object."""
    answer = copy.deepcopy(CREATED)
    response: Any = answer["response"]
    honest = cbor2.loads(base64url_to_bytes(response["attestationObject"]))
    made = change(honest)
    raw = made if isinstance(made, bytes) else cbor2.dumps(made)
    response["attestationObject"] = bytes_to_base64url(raw)
    return answer


@given(st.binary(max_size=400))
def test_an_attestation_object_of_any_bytes_is_rejected(raw: bytes) -> None:
    assert judge(with_object(lambda _: raw), None) == "rejected"


@given(values)
def test_an_attestation_object_of_any_cbor_is_rejected(value: Any) -> None:
    assert judge(with_object(lambda _: value), None) == "rejected"


FORMATS = ("packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple", "x")


@given(
    st.sampled_from(FORMATS),
    st.dictionaries(
        st.sampled_from(["alg", "sig", "x5c", "ver", "certInfo", "pubArea", "response"]), values
    ),
)
def test_a_statement_of_any_content_is_rejected(form: str, statement: dict[str, Any]) -> None:
    changed = with_object(lambda honest: {**honest, "fmt": form, "attStmt": statement})
    assert judge(changed, None) == "rejected"


@given(
    st.sampled_from(FORMATS),
    st.dictionaries(
        st.sampled_from(["alg", "sig", "x5c", "ver", "certInfo", "pubArea", "response"]), values
    ),
)
def test_an_honest_statement_with_something_else_in_it_is_rejected_or_honest(
    form: str, statement: dict[str, Any]
) -> None:
    changed = with_object(
        lambda honest: {**honest, "fmt": form, "attStmt": {**honest["attStmt"], **statement}}
    )
    outcome = judge(changed, None)
    if form == "packed" and not {"alg", "sig", "x5c"} & set(statement):
        assert outcome == "accepted"
    elif form != "packed":
        assert outcome == "rejected"


@given(st.data())
def test_a_flipped_bit_anywhere_is_rejected(data: st.DataObject) -> None:
    raw = bytearray(base64url_to_bytes(CREATED["response"]["attestationObject"]))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    answer = with_object(lambda _: bytes(raw))
    try:
        new = PARTY.verify_registration(PARTY.read(answer))
    except PasskeyRejectedError:
        return
    # A certificate's own signature is looked at for trust alone; the passkey is the same.
    assert not new.attested
    assert (new.id, new.public_key, new.aaguid) == (_NEW.id, _NEW.public_key, MODEL)


@given(st.binary(max_size=200))
def test_authenticator_data_of_any_bytes_is_rejected(raw: bytes) -> None:
    assert judge(with_object(lambda honest: {**honest, "authData": raw}), None) == "rejected"
    answer = copy.deepcopy(USED)
    response: Any = answer["response"]
    response["authenticatorData"] = bytes_to_base64url(raw)
    assert judge(answer, PASSKEY) == "rejected"


@given(values)
def test_a_key_of_any_cbor_is_rejected(key: Any) -> None:
    def change(honest: dict[Any, Any]) -> dict[Any, Any]:
        data = honest["authData"]
        head = 37 + 16 + 2 + 32
        return {"fmt": "none", "attStmt": {}, "authData": data[:head] + cbor2.dumps(key)}

    assert judge(with_object(change), None) == "rejected"


COSE = st.dictionaries(
    st.sampled_from([1, 3, -1, -2, -3]),
    st.sampled_from([1, 2, 3, -7, -8, -257, -65535, 4, 6]) | st.binary(max_size=40),
)


@given(COSE)
@settings(max_examples=300)
def test_a_key_that_looks_like_one_never_breaks_anything(key: dict[int, Any]) -> None:
    """At registration, and later where the store hands such a key to a verification."""
    raw = cbor2.dumps(key)

    def change(honest: dict[Any, Any]) -> dict[Any, Any]:
        head = 37 + 16 + 2 + 32
        return {"fmt": "none", "attStmt": {}, "authData": honest["authData"][:head] + raw}

    judge(with_object(change), None)
    stored = Passkey(
        id=PASSKEY.id,
        user=ALICE.id,
        name="Key",
        public_key=raw,
        sign_count=0,
        transports=(),
        aaguid=MODEL,
        created_at=0.0,
    )
    assert judge(USED, stored) == "rejected"


@given(st.binary(max_size=100))
def test_a_signature_of_any_bytes_is_rejected(signature: bytes) -> None:
    answer = copy.deepcopy(USED)
    response: Any = answer["response"]
    response["signature"] = bytes_to_base64url(signature)
    assert judge(answer, PASSKEY) == "rejected"


@given(st.text(max_size=60), json_values)
def test_a_credential_of_the_inside_is_no_way_around(challenge: str, response: Any) -> None:
    credential = UnverifiedCredential(DEVICE.name, challenge, None, response)
    for call in (
        lambda: PARTY.verify_registration(credential),
        lambda: PARTY.verify_authentication(credential, PASSKEY),
    ):
        with pytest.raises(PasskeyRejectedError):
            call()
