"""Security event tokens: which are taken, which are refused and how, and which do nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from doorward.administrator.receiver.receive_set import receive_set
from doorward.administrator.receiver.set_claims import MAX_AGE_SECONDS
from doorward.administrator.sweep_expired import sweep_expired
from doorward.errors import DoorwardError
from tests.fakes.signals_transmitter import AUDIENCE, SSF, encoded, jwk, new_key, sign
from tests.unit.signals_world import (
    ALICE,
    ALICE_THERE,
    ASSURANCE_CHANGE,
    CLAIMS_CHANGE,
    COMPLIANCE_CHANGE,
    CREDENTIAL_CHANGE,
    DISABLED,
    ISSUER,
    RISK_CHANGE,
    SESSION_REVOKED,
    Signals,
    declared,
    signals,
    with_sessions,
)


@pytest.fixture
async def place() -> Signals:
    found = await signals()
    await with_sessions(found)
    return found


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_both_signatures_are_accepted(algorithm: str) -> None:
    place = await signals(algorithm)
    assert (await place.push(DISABLED, {})).outcome == "applied"
    assert place.standing().disabled


# The token as a JWT


@pytest.mark.parametrize("typ", [None, "JWT", "logout+jwt", "at+jwt", "secevent"])
async def test_a_token_of_another_type_is_refused(place: Signals, typ: str | None) -> None:
    place.there.header = {"typ": typ}
    token = place.there.token(DISABLED, {}, ALICE)
    await place.refused(token, "invalid_request", "not-a-security-event-token")


@pytest.mark.parametrize("typ", ["secevent+jwt", "application/secevent+jwt", "SecEvent+JWT"])
async def test_the_type_is_compared_as_a_media_type(place: Signals, typ: str) -> None:
    place.there.header = {"typ": typ}
    assert (await place.push(DISABLED, {})).outcome == "applied"


async def test_an_unsigned_token_is_refused(place: Signals) -> None:
    claims = json.dumps(place.there.claims(DISABLED, {}, ALICE)).encode()
    header = encoded(json.dumps({"typ": "secevent+jwt", "alg": "none"}).encode())
    for signature in ("", "AAAA"):
        answer = await place.post(f"{header}.{encoded(claims)}.{signature}")
        assert answer.status_code == 400
    await place.refused(f"{header}.{encoded(claims)}.AAAA", "invalid_key", "algorithm-refused")


async def test_a_public_key_is_no_secret_to_sign_with(place: Signals) -> None:
    place.there.header = {"alg": "HS256"}
    token = place.there.token(DISABLED, {}, ALICE)
    await place.refused(token, "invalid_key", "algorithm-refused")


@pytest.mark.parametrize("algorithm", ["PS256", "RS384", "ES384", "EdDSA"])
async def test_only_the_listed_algorithms_are_accepted(place: Signals, algorithm: str) -> None:
    place.there.header = {"alg": algorithm}
    token = place.there.token(DISABLED, {}, ALICE)
    await place.refused(token, "invalid_key", "algorithm-refused")


async def test_a_token_by_the_key_of_another_is_refused(place: Signals) -> None:
    claims = json.dumps(place.there.claims(DISABLED, {}, ALICE)).encode()
    header = {"typ": "secevent+jwt", "alg": "ES256", "kid": "t1"}
    token = sign(new_key("ES256"), header, claims)
    await place.refused(token, "invalid_key", "signature-wrong")


async def test_a_key_in_the_header_is_not_believed(place: Signals) -> None:
    key = new_key("ES256")
    claims = json.dumps(place.there.claims(DISABLED, {}, ALICE)).encode()
    header = {"typ": "secevent+jwt", "alg": "ES256", "kid": "mine", "jwk": jwk(key, "mine")}
    await place.refused(sign(key, header, claims), "invalid_key", "key-unknown")


async def test_critical_header_parameters_are_refused(place: Signals) -> None:
    place.there.header = {"crit": ["exp"], "exp": 1}
    token = place.there.token(DISABLED, {}, ALICE)
    await place.refused(token, "invalid_request", "token-malformed")


# Claims

FUTURE = 4102444800
HERE_AND_NOW = 1795435200


async def lied(place: Signals, err: str, why: str, **lies: Any) -> None:
    """A token with these claims is refused, and an honest one after it is taken."""
    place.there.lies = lies
    await place.refused(place.there.token(DISABLED, {}, ALICE), err, why)
    place.there.lies = {}
    assert (await place.push(DISABLED, {})).outcome == "applied"


@pytest.mark.parametrize("issuer", ["https://evil.example", f"{ISSUER}/", ISSUER.upper(), 4, None])
async def test_the_issuer_is_the_one_that_the_metadata_is_of(place: Signals, issuer: Any) -> None:
    await lied(place, "invalid_issuer", "issuer-wrong", iss=issuer)


@pytest.mark.parametrize("audience", ["https://another.example", [], [AUDIENCE, 4], {}, None])
async def test_a_token_for_somebody_else_is_refused(place: Signals, audience: Any) -> None:
    await lied(place, "invalid_audience", "audience-wrong", aud=audience)


@pytest.mark.parametrize("subject", ["alice", "", {}])
async def test_there_is_no_sub(place: Signals, subject: Any) -> None:
    await lied(place, "invalid_request", "sub-present", sub=subject)


@pytest.mark.parametrize("expiry", [FUTURE, 0, "never"])
async def test_there_is_no_exp(place: Signals, expiry: Any) -> None:
    await lied(place, "invalid_request", "exp-present", exp=expiry)


@pytest.mark.parametrize(
    ("issued_at", "why"),
    [
        (None, "iat-malformed"),
        ("now", "iat-malformed"),
        (True, "iat-malformed"),
        (-1, "iat-in-the-future"),
        (FUTURE, "iat-in-the-future"),
        pytest.param(10**400, "iat-in-the-future", id="beyond all bounds"),
        (HERE_AND_NOW + 61, "iat-in-the-future"),
        (HERE_AND_NOW - MAX_AGE_SECONDS - 1, "too-old"),
    ],
)
async def test_a_token_was_issued_lately(place: Signals, issued_at: Any, why: str) -> None:
    await lied(place, "invalid_request", why, iat=issued_at)


@pytest.mark.parametrize("jti", [None, "", 4, "x" * 256, "a\nb", "a b"])
async def test_a_token_has_an_id(place: Signals, jti: Any) -> None:
    await lied(place, "invalid_request", "jti-malformed", jti=jti)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (None, "not-one-event"),
        ({}, "not-one-event"),
        ([DISABLED], "not-one-event"),
        ({DISABLED: {}, SESSION_REVOKED: {}}, "not-one-event"),
        ({DISABLED: None}, "event-malformed"),
        ({DISABLED: []}, "event-malformed"),
        ({"not a uri": {}}, "event-malformed"),
    ],
)
async def test_a_token_has_one_event_an_object_by_its_type(
    place: Signals, events: Any, why: str
) -> None:
    await lied(place, "invalid_request", why, events=events)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (DISABLED, {"event_timestamp": "x"}),
        (DISABLED, {"reason_admin": "x"}),
        (DISABLED, {"initiating_entity": "god"}),
        (CLAIMS_CHANGE, {}),
        (CLAIMS_CHANGE, {"claims": []}),
        (CREDENTIAL_CHANGE, {"credential_type": "pin"}),
        (CREDENTIAL_CHANGE, {"credential_type": "pin", "change_type": "lost"}),
        (ASSURANCE_CHANGE, {"namespace": "NIST-AAL"}),
        (COMPLIANCE_CHANGE, {"current_status": "compliant"}),
        (COMPLIANCE_CHANGE, {"previous_status": "compliant", "current_status": "ill"}),
        (RISK_CHANGE, {"principal": "USER"}),
        (RISK_CHANGE, {"principal": "USER", "current_level": "high"}),
        (f"{SSF}stream-updated", {"status": "asleep"}),
        (f"{SSF}verification", {"state": 4}),
    ],
)
async def test_an_event_has_the_members_of_its_type(
    place: Signals, event: str, payload: dict[str, Any]
) -> None:
    await lied(place, "invalid_request", "payload-malformed", events={event: payload})


@pytest.mark.parametrize("moment", [FUTURE, HERE_AND_NOW + 61, HERE_AND_NOW * 1000, -1])
async def test_an_event_did_not_happen_in_the_future(place: Signals, moment: int) -> None:
    """Milliseconds in place of seconds would make every later word look old."""
    events = {DISABLED: {"event_timestamp": moment}}
    await lied(place, "invalid_request", "event-timestamp-in-the-future", events=events)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "alice",
        {},
        {"format": 4},
        {"format": "email"},
        {"format": "email", "email": 4},
        {"format": "iss_sub", "iss": ISSUER},
        {"format": "opaque"},
        {"format": "aliases"},
        {"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": []}]},
        {"format": "complex"},
        {"format": "complex", "user": {}},
        {"format": "complex", "user": "alice"},
    ],
)
async def test_a_subject_has_the_members_of_its_format(place: Signals, subject: Any) -> None:
    await lied(place, "invalid_request", "sub-id-malformed", sub_id=subject)


async def test_one_of_several_audiences_is_enough(place: Signals) -> None:
    place.there.lies = {"aud": ["https://another.example", AUDIENCE]}
    assert (await place.push(DISABLED, {})).outcome == "applied"


async def test_the_estates_audience_is_the_only_one_where_it_names_one(place: Signals) -> None:
    await place.declare(audience="urn:doorward")
    await place.refused(
        place.there.token(DISABLED, {}, ALICE), "invalid_audience", "audience-wrong"
    )
    place.there.lies = {"aud": "urn:doorward"}
    assert (await place.push(DISABLED, {})).outcome == "applied"


async def test_before_there_is_a_stream_nothing_is_meant_for_us() -> None:
    place = await signals(connected=False)
    token = place.there.token(DISABLED, {}, ALICE)
    with pytest.raises(DoorwardError) as refused:
        await receive_set(place.receiver, declared(), token, place.now)
    assert vars(refused.value)["err"] == "invalid_audience"


async def test_what_is_not_understood_is_ignored(place: Signals) -> None:
    place.there.lies = {"toe": 1, "extension": {"a": [1]}}
    payload = {"reason": "hijacking", "extension": 4, "subject": {"format": "x"}}
    subject = {**ALICE, "extension": True}
    assert (await place.push(DISABLED, payload, subject)).outcome == "applied"


# Once


async def test_the_same_token_again_is_taken_and_does_nothing(place: Signals) -> None:
    token = place.there.token(SESSION_REVOKED, {}, ALICE)
    assert (await place.post(token)).status_code == 202
    await place.world.session("alice", "ses_again")
    log = await place.received()
    assert (await place.post(token)).status_code == 202
    assert "ses_again" in place.snapshot.sessions
    assert await place.received() == log


async def test_another_token_with_an_id_that_was_used_does_nothing(place: Signals) -> None:
    place.there.lies = {"jti": "same"}
    await place.push(RISK_CHANGE, {"principal": "USER", "current_level": "HIGH"})
    assert (await place.post(place.there.token(DISABLED, {}, ALICE))).status_code == 202
    assert not place.standing().disabled


# Nobody here, nothing known


@pytest.mark.parametrize(
    "subject",
    [
        {"format": "email", "email": "nobody@work.example"},
        {"format": "email", "email": "alice@other.example"},
        {"format": "email", "email": "alice@work.example.evil.example"},
        {"format": "email", "email": "\u212alice@work.example"},
        {"format": "iss_sub", "iss": "https://login.other.example", "sub": "s-alice"},
        {"format": "iss_sub", "iss": "https://login.work.example", "sub": "s-nobody"},
        {"format": "opaque", "id": "alice"},
        {"format": "account", "uri": "acct:alice@work.example"},
        {"format": "phone_number", "phone_number": "+12065550100"},
        {"format": "did", "url": "did:example:123456"},
        {"format": "uri", "uri": "https://work.example/alice"},
        {"format": "jwt_id", "iss": ISSUER, "jti": "x"},
        {"format": "saml_assertion_id", "issuer": ISSUER, "assertion_id": "x"},
        {"format": "ip-addresses", "ip-addresses": ["192.0.2.1"]},
        {"format": "catalog_item", "catalog_id": "c0384/winter/2354122"},
        {"format": "aliases", "identifiers": []},
        {"format": "complex", "tenant": {"format": "opaque", "id": "t"}},
        {"format": "complex", "user": {"format": "complex", "user": ALICE}},
        {"format": "complex", "user": ALICE, "device": {"format": "opaque", "id": "unknown"}},
    ],
)
async def test_somebody_unknown_is_acknowledged_and_recorded_without_their_name(
    place: Signals, subject: dict[str, Any]
) -> None:
    before = place.snapshot
    signal = await place.push(DISABLED, {}, subject)
    assert signal.outcome == "subject-unknown"
    assert signal.subject == f"unknown {subject['format']}"
    assert place.snapshot == before


async def test_aliases_must_all_be_one_person(place: Signals) -> None:
    bob = {"format": "email", "email": "bob@work.example"}
    both = {"format": "aliases", "identifiers": [ALICE, bob]}
    assert (await place.push(DISABLED, {}, both)).outcome == "subject-unknown"
    phone = {"format": "phone_number", "phone_number": "+12065550100"}
    same = {"format": "aliases", "identifiers": [phone, ALICE, ALICE_THERE]}
    assert (await place.push(DISABLED, {}, same)).subject == "user:alice"


async def test_an_event_of_an_unknown_type_is_acknowledged_and_recorded(place: Signals) -> None:
    before = place.snapshot
    for uri in ("https://evil.example/account-disabled", "urn:example:event"):
        signal = await place.push(uri, {"anything": [1]})
        assert (signal.outcome, signal.type) == ("event-unknown", uri)
    assert place.snapshot == before


async def test_an_event_with_a_critical_member_that_is_not_understood_is_discarded() -> None:
    place = await signals()
    place.there.critical = ["tenant"]
    place.receiver.directory._known.clear()
    subject = {"format": "complex", "user": ALICE, "tenant": {"format": "opaque", "id": "t"}}
    assert (await place.push(DISABLED, {}, subject)).outcome == "member-not-understood"
    assert not place.standing().disabled
    assert (await place.push(DISABLED, {}, ALICE)).outcome == "applied"


async def test_other_members_of_a_subject_stand_for_any(place: Signals) -> None:
    subject = {"format": "complex", "user": ALICE, "tenant": {"format": "x", "y": 1}, "z": 4}
    assert (await place.push(DISABLED, {}, subject)).outcome == "applied"


# About the stream


async def test_a_verification_without_a_state_is_taken(place: Signals) -> None:
    assert (await place.post(place.there.verification(None))).status_code == 202
    assert (await place.record()).verified_at == place.now


@pytest.mark.parametrize("state", ["guessed", ""])
async def test_a_state_that_was_not_asked_for_is_refused(place: Signals, state: str) -> None:
    await place.refused(place.there.verification(state), "invalid_state", "state-wrong")


async def test_a_verification_of_another_stream_is_refused(place: Signals) -> None:
    subject = {"format": "opaque", "id": "stream-2"}
    token = place.there.token(f"{SSF}verification", {}, subject)
    await place.refused(token, "invalid_request", "stream-of-another")
    token = place.there.token(f"{SSF}verification", {}, ALICE)
    await place.refused(token, "invalid_request", "sub-id-malformed")


async def test_a_new_status_of_the_stream_is_kept(place: Signals) -> None:
    subject = {"format": "opaque", "id": "stream-1"}
    await place.push(f"{SSF}stream-updated", {"status": "paused", "reason": "licence"}, subject)
    assert (await place.record()).status == "paused"


async def test_keys_that_are_not_to_be_had_are_not_the_tokens_fault(place: Signals) -> None:
    place.there.replies["GET", "/jwks"] = (500, {})
    place.receiver.directory._known.clear()
    answer = await place.post(place.there.token(DISABLED, {}, ALICE))
    assert (answer.status_code, answer.content) == (503, b"")
    assert answer.headers["retry-after"]
    place.there.replies.clear()
    place.world.desk.now += 10
    assert (await place.push(DISABLED, {})).outcome == "applied"


async def test_every_error_is_a_registered_code(place: Signals) -> None:
    """RFC 8935, 2.4, and `invalid_state` of SSF 1.0."""
    lies: list[dict[str, Any]] = [{"iss": "x"}, {"aud": "x"}, {"jti": ""}]
    errors = set()
    for lie in lies:
        place.there.lies = lie
        errors.add((await place.post(place.there.token(DISABLED, {}, ALICE))).json()["err"])
    place.there.lies = {}
    place.there.key = new_key("ES256")
    errors.add((await place.post(place.there.token(DISABLED, {}, ALICE))).json()["err"])
    assert errors == {"invalid_issuer", "invalid_audience", "invalid_request", "invalid_key"}


async def test_old_signals_go_with_the_sweep_and_their_ids_stay_long_enough(
    place: Signals,
) -> None:
    await place.push("urn:example:event", {})
    token = place.there.token(SESSION_REVOKED, {}, ALICE)
    assert (await place.post(token)).status_code == 202
    place.world.desk.now += MAX_AGE_SECONDS - 60
    await sweep_expired(place.world.desk.control, place.now, received_signal_days=8)
    assert len(await place.received()) == 2
    await place.world.session("alice", "ses_new")
    assert (await place.post(token)).status_code == 202
    assert "ses_new" in place.snapshot.sessions
    place.world.desk.now += 2 * 86_400
    await sweep_expired(place.world.desk.control, place.now, received_signal_days=8)
    assert await place.received() == []
    await place.refused(token, "invalid_request", "too-old")
