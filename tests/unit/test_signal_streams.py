"""Event streams as their receivers manage them (SSF 1.0, 7 and 8)."""

from __future__ import annotations

from typing import Any

import pytest

from doorward.administrator.signals.transmitting.manage_streams import MOST_STREAMS
from doorward.administrator.signals.transmitting.stream_status import operate_stream
from doorward.administrator.signals.transmitting.supported import SUPPORTED
from doorward.model.snapshot import removal
from tests.fakes.signals_desk import (
    ALICE,
    ENDPOINT,
    HOST,
    ISSUER,
    POLL,
    PUSH,
    SignalsDesk,
    names,
    payload,
    signals_desk,
)
from tests.fakes.signals_receiver import Claims

STREAMS = "/ssf/streams"
UNKNOWN = "https://example.org/secevent/event-type/not-ours"


@pytest.fixture
async def desk() -> SignalsDesk:
    return await signals_desk()


async def stream_id_of(desk: SignalsDesk) -> str:
    return str((await desk.polled())["stream_id"])


# 7: the metadata


async def test_the_metadata_is_json_for_everybody(desk: SignalsDesk) -> None:
    answer = await desk.metadata()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


async def test_the_issuer_of_the_metadata_is_that_of_the_tokens(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.send("POST", "/ssf/verify", {"stream_id": stream["stream_id"]})
    (claims,) = await desk.take(stream)
    metadata = (await desk.metadata()).json()
    assert metadata["issuer"] == claims["iss"] == stream["iss"] == ISSUER
    assert "?" not in ISSUER
    assert "#" not in ISSUER


async def test_the_metadata_names_the_keys_and_every_endpoint_by_tls(desk: SignalsDesk) -> None:
    metadata = (await desk.metadata()).json()
    for name in ("configuration", "status", "add_subject", "remove_subject", "verification"):
        assert metadata[f"{name}_endpoint"].startswith(f"{HOST}/ssf/")
    assert metadata["jwks_uri"] == f"{ISSUER}/openid/jwks.json"


async def test_the_metadata_has_no_empty_claims_and_names_the_version(desk: SignalsDesk) -> None:
    metadata = (await desk.metadata()).json()
    assert [name for name, value in metadata.items() if value in ([], {}, "", None)] == []
    assert metadata["spec_version"] == "1_0"
    assert metadata["delivery_methods_supported"] == [PUSH, POLL]
    assert metadata["default_subjects"] in {"ALL", "NONE"}
    assert {"spec_urn": "urn:ietf:rfc:6749"} in metadata["authorization_schemes"]


async def test_the_metadata_is_asked_for_by_get(desk: SignalsDesk) -> None:
    assert (await desk.metadata("GET")).status_code == 200
    assert (await desk.metadata("POST")).status_code == 405


async def test_polls_are_posts(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    url = stream["delivery"]["endpoint_url"]
    assert (await desk.send("GET", url)).status_code == 405
    assert (await desk.send("POST", url, {"returnImmediately": True})).status_code == 200


async def test_without_a_resource_for_signals_there_is_no_transmitter(desk: SignalsDesk) -> None:
    await desk.publish(removal("resource", "signals"))
    assert (await desk.metadata()).status_code == 404


# 8: who may


@pytest.mark.parametrize("actor", ["", "user:alice", "operator"])
async def test_only_services_have_streams(desk: SignalsDesk, actor: str) -> None:
    answer = await desk.send("POST", STREAMS, {}, actor)
    assert answer.status_code == (403 if actor else 401)
    if not actor:
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_another_service_sees_nothing_of_a_stream(desk: SignalsDesk) -> None:
    stream = await stream_id_of(desk)
    subject = {"format": "email", "email": "alice@example.org"}
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"{STREAMS}?stream_id={stream}", None),
        ("PATCH", STREAMS, {"stream_id": stream, "description": "mine"}),
        ("PUT", STREAMS, {"stream_id": stream}),
        ("DELETE", f"{STREAMS}?stream_id={stream}", None),
        ("GET", f"/ssf/status?stream_id={stream}", None),
        ("POST", "/ssf/status", {"stream_id": stream, "status": "disabled"}),
        ("POST", "/ssf/subjects/add", {"stream_id": stream, "subject": subject}),
        ("POST", "/ssf/subjects/remove", {"stream_id": stream, "subject": subject}),
        ("POST", "/ssf/verify", {"stream_id": stream}),
        ("POST", f"/ssf/poll/{stream}", {"returnImmediately": True}),
    ]
    for method, path, body in calls:
        assert (await desk.send(method, path, body, "service:spy")).status_code == 404, path
    assert (await desk.send("GET", STREAMS, actor="service:spy")).json() == []
    assert (await desk.send("GET", STREAMS)).json()[0]["stream_id"] == stream


# 8.1.1: the configuration


async def test_a_stream_is_created_with_what_is_asked_for(desk: SignalsDesk) -> None:
    wanted = [SUPPORTED[0], UNKNOWN, SUPPORTED[2]]
    body = {
        "delivery": {"method": PUSH, "endpoint_url": ENDPOINT},
        "events_requested": wanted,
        "description": "d" * 500,
        "signing_alg": "ES256",
        "something": {"else": 1},
    }
    answer = await desk.send("POST", STREAMS, body)
    assert answer.status_code == 201
    made = answer.json()
    assert made["events_requested"] == wanted
    assert made["events_delivered"] == [SUPPORTED[0], SUPPORTED[2]]
    assert set(made["events_delivered"]) <= set(made["events_supported"])
    assert made["delivery"] == {"method": PUSH, "endpoint_url": ENDPOINT}
    assert made["description"] == "d" * 200
    assert (made["iss"], made["aud"], made["signing_alg"]) == (ISSUER, "crm", "ES256")
    assert answer.headers["cache-control"] == "no-store"


async def test_only_what_was_asked_for_is_delivered(desk: SignalsDesk) -> None:
    stream = await desk.polled(events_requested=[SUPPORTED[6]])
    nothing = await desk.polled(events_requested=[])
    await desk.session()
    await desk.revoke()
    assert await desk.take(stream) == []
    assert nothing["events_delivered"] == []
    assert await desk.take(nothing) == []


async def test_a_stream_without_delivery_is_polled(desk: SignalsDesk) -> None:
    made = (await desk.send("POST", STREAMS, {"events_requested": []})).json()
    assert made["delivery"]["method"] == POLL
    assert made["delivery"]["endpoint_url"] == f"{HOST}/ssf/poll/{made['stream_id']}"


async def test_every_stream_has_an_id_and_an_address_of_its_own(desk: SignalsDesk) -> None:
    made = [await desk.polled() for _ in range(MOST_STREAMS)]
    assert len({stream["stream_id"] for stream in made}) == MOST_STREAMS
    assert len({stream["delivery"]["endpoint_url"] for stream in made}) == MOST_STREAMS
    too_many = await desk.send("POST", STREAMS, {})
    assert too_many.status_code == 409
    assert (await desk.send("POST", STREAMS, {}, "service:spy")).status_code == 201


@pytest.mark.parametrize(
    "delivery",
    [
        {"method": "urn:example:carrier-pigeon"},
        {"method": PUSH},
        {"method": PUSH, "endpoint_url": "http://crm.example.org/events"},
        {"method": PUSH, "endpoint_url": "http://127.0.0.1:9/events"},
        {"method": PUSH, "endpoint_url": "https://user:pass@crm.example.org/"},
        {"method": PUSH, "endpoint_url": "https://crm.example.org/#x"},
        {"method": PUSH, "endpoint_url": "https://crm.example.org/" + "x" * 3000},
        {"method": PUSH, "endpoint_url": "file:///etc/passwd"},
        {"method": PUSH, "endpoint_url": ENDPOINT, "authorization_header": "Bearer a\r\nX: y"},
        {"method": PUSH, "endpoint_url": ENDPOINT, "authorization_header": ""},
        {"method": PUSH, "endpoint_url": ENDPOINT, "authorization_header": "********"},
    ],
    ids=str,
)
async def test_a_delivery_that_is_not_possible_is_refused(
    desk: SignalsDesk, delivery: dict[str, str]
) -> None:
    answer = await desk.send("POST", STREAMS, {"delivery": delivery})
    assert answer.status_code == 400
    assert (await desk.send("GET", STREAMS)).json() == []
    async with desk.store.transaction() as transaction:
        (entry,) = await transaction.audit.latest(1)
    assert (entry.act, entry.actor) == ("signals-request-refused", "service:crm")


async def test_streams_are_listed_and_none_is_an_empty_list(desk: SignalsDesk) -> None:
    assert (await desk.send("GET", STREAMS)).json() == []
    one, two = await desk.polled(), await desk.pushed()
    assert (await desk.send("GET", STREAMS)).json() == [one, two]
    read = await desk.send("GET", f"{STREAMS}?stream_id={two['stream_id']}")
    assert (read.status_code, read.json()) == (200, two)
    assert (await desk.send("GET", f"{STREAMS}?stream_id=stm_9")).status_code == 404


async def test_a_patch_changes_what_it_names_and_nothing_else(desk: SignalsDesk) -> None:
    made = await desk.pushed(authorization_header="Bearer s3cret")
    stream_id = made["stream_id"]
    answer = await desk.send("PATCH", STREAMS, {"stream_id": stream_id, "description": "new"})
    assert answer.status_code == 200
    assert answer.json() == {**made, "description": "new"}
    narrowed = await desk.send(
        "PATCH", STREAMS, {"stream_id": stream_id, "events_requested": [SUPPORTED[1]]}
    )
    assert narrowed.json()["events_delivered"] == [SUPPORTED[1]]
    assert narrowed.json()["description"] == "new"
    assert (await desk.send("PATCH", STREAMS, {"description": "x"})).status_code == 400
    unknown = {"stream_id": "stm_9", "description": "x"}
    assert (await desk.send("PATCH", STREAMS, unknown)).status_code == 404


async def test_a_put_takes_away_what_it_does_not_name(desk: SignalsDesk) -> None:
    made = await desk.pushed(authorization_header="Bearer s3cret")
    body = {"stream_id": made["stream_id"], "events_requested": [SUPPORTED[3]]}
    replaced = (await desk.send("PUT", STREAMS, body)).json()
    assert replaced["events_requested"] == [SUPPORTED[3]]
    assert replaced["delivery"]["method"] == POLL
    assert "description" not in replaced
    assert (await desk.stream(made)).authorization is None
    assert (await desk.send("PUT", STREAMS, {"events_requested": []})).status_code == 400


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("iss", "https://elsewhere.example"),
        ("aud", ["spy"]),
        ("events_supported", []),
        ("events_delivered", [UNKNOWN]),
        ("min_verification_interval", 1),
    ],
)
async def test_what_the_transmitter_supplies_must_be_right(
    desk: SignalsDesk, method: str, name: str, wrong: object
) -> None:
    made = await desk.polled()
    whole = {**made, "description": "new"}
    assert (await desk.send(method, STREAMS, {**whole, name: wrong})).status_code == 400
    assert (await desk.stream(made)).description == ""
    assert (await desk.send(method, STREAMS, whole)).status_code == 200
    less = {key: value for key, value in whole.items() if key != name}
    assert (await desk.send(method, STREAMS, less)).status_code == 200


async def test_events_delivered_is_compared_before_the_change(desk: SignalsDesk) -> None:
    made = await desk.polled()
    body = {**made, "events_requested": [SUPPORTED[0]]}
    assert (await desk.send("PATCH", STREAMS, body)).status_code == 200
    assert (await desk.send("PATCH", STREAMS, body)).status_code == 400


async def test_the_authorization_header_is_kept_sealed_and_never_shown(desk: SignalsDesk) -> None:
    made = await desk.pushed(authorization_header="Bearer s3cret")
    assert made["delivery"]["authorization_header"] == "********"
    for path in (STREAMS, f"{STREAMS}?stream_id={made['stream_id']}"):
        assert "s3cret" not in (await desk.send("GET", path)).text
    assert "s3cret" not in repr(desk.store.content())
    # What was read can be sent back: the header stays; but not for another address.
    assert (await desk.send("PUT", STREAMS, made)).status_code == 200
    stolen = {"method": PUSH, "endpoint_url": "https://evil.example.org/"}
    masked = {**stolen, "authorization_header": "********"}
    body = {"stream_id": made["stream_id"], "delivery": masked}
    assert (await desk.send("PATCH", STREAMS, body)).status_code == 400
    moved = {"stream_id": made["stream_id"], "delivery": stolen}
    assert (await desk.send("PATCH", STREAMS, moved)).status_code == 200
    assert (await desk.stream(made)).authorization is None


async def test_a_deleted_stream_is_gone_with_what_waits(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session()
    await desk.revoke()
    path = f"{STREAMS}?stream_id={stream['stream_id']}"
    answer = await desk.send("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await desk.waiting(stream) == []
    assert (await desk.send("DELETE", path)).status_code == 404
    assert (await desk.send("DELETE", STREAMS)).status_code == 400


# 8.1.2: the status


async def test_the_status_is_read_and_set(desk: SignalsDesk) -> None:
    stream = await stream_id_of(desk)
    path = f"/ssf/status?stream_id={stream}"
    assert (await desk.send("GET", path)).json() == {"stream_id": stream, "status": "enabled"}
    wanted = {"stream_id": stream, "status": "paused", "reason": "SYSTEM_DOWN"}
    answer = await desk.send("POST", "/ssf/status", wanted)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert (await desk.send("GET", path)).json() == wanted
    assert (await desk.send("GET", "/ssf/status?stream_id=stm_9")).status_code == 404
    bad = {"stream_id": stream, "status": "asleep"}
    assert (await desk.send("POST", "/ssf/status", bad)).status_code == 400


async def test_a_paused_stream_holds_its_events_in_order(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    name = stream["stream_id"]
    await desk.send("POST", "/ssf/status", {"stream_id": name, "status": "paused"})
    for session in ("ses_1", "ses_2"):
        await desk.session(session)
        await desk.revoke(session)
    assert await desk.take(stream) == []
    await desk.send("POST", "/ssf/status", {"stream_id": name, "status": "enabled"})
    tokens = await desk.take(stream)
    assert names(tokens) == ["session-revoked", "session-revoked"], "nothing that it asked for"
    assert [claims["sub_id"]["session"]["id"] for claims in tokens] == ["ses_1", "ses_2"]


async def test_a_disabled_stream_keeps_nothing(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    name = stream["stream_id"]
    await desk.session()
    await desk.revoke()
    await desk.send("POST", "/ssf/status", {"stream_id": name, "status": "disabled"})
    await desk.session()
    await desk.revoke()
    assert await desk.waiting(stream) == []
    verify = await desk.send("POST", "/ssf/verify", {"stream_id": name})
    assert verify.status_code == 400
    await desk.send("POST", "/ssf/status", {"stream_id": name, "status": "enabled"})
    assert await desk.take(stream) == []


async def test_a_receiver_is_told_before_its_stream_is_stopped(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session()
    await desk.revoke()
    name = stream["stream_id"]
    await operate_stream(desk.transmitter, desk.act, name, "paused", "Maintenance")
    (claims,) = await desk.take(stream)
    assert payload(claims) == ("stream-updated", {"status": "paused", "reason": "Maintenance"})
    assert claims["sub_id"] == {"format": "opaque", "id": name}
    held = await desk.send("POST", "/ssf/status", {"stream_id": name, "status": "enabled"})
    assert held.status_code == 403, "those who run doorward paused it"
    await operate_stream(desk.transmitter, desk.act, name, "enabled")
    tokens = await desk.take(stream)
    assert names(tokens) == ["stream-updated", "session-revoked"]
    assert payload(tokens[0])[1]["status"] == "enabled"


# 8.1.3: subjects

PERSON = {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
SESSION = {"format": "opaque", "id": "ses_1"}


async def subject(desk: SignalsDesk, stream: Claims, what: str, subject: Claims) -> int:
    body = {"stream_id": stream["stream_id"], "subject": subject}
    answer = await desk.send("POST", f"/ssf/subjects/{what}", body)
    assert answer.content == b"" or answer.status_code >= 400
    return answer.status_code


@pytest.mark.parametrize(
    "left_out",
    [
        PERSON,
        {"format": "email", "email": "alice@example.org"},
        SESSION,
        {"format": "complex", "user": PERSON},
        {"format": "complex", "user": PERSON, "session": SESSION},
    ],
    ids=str,
)
async def test_a_removed_subject_is_no_longer_told_and_an_added_one_again(
    desk: SignalsDesk, left_out: Claims
) -> None:
    stream = await desk.polled()
    assert await subject(desk, stream, "remove", left_out) == 204
    await desk.session()
    await desk.revoke()
    assert await desk.take(stream) == []
    assert await subject(desk, stream, "add", left_out) == 200
    await desk.session()
    await desk.revoke()
    assert names(await desk.take(stream)) == ["session-revoked"]


@pytest.mark.parametrize(
    "left_out",
    [
        {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "alice"},
        {"format": "opaque", "id": "ses_2"},
        {"format": "complex", "user": PERSON, "session": {"format": "opaque", "id": "ses_2"}},
        {"format": "complex", "tenant": {"format": "opaque", "id": "t"}},
        {"format": "complex"},
        {"format": "phone_number", "phone_number": "+12065550123"},
    ],
    ids=str,
)
async def test_what_is_not_removed_is_told(desk: SignalsDesk, left_out: Claims) -> None:
    stream = await desk.polled()
    assert await subject(desk, stream, "remove", left_out) == 204
    await desk.session()
    await desk.revoke()
    assert names(await desk.take(stream)) == ["session-revoked"]


async def test_whether_somebody_exists_cannot_be_told_from_the_answer(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    stranger = {"format": "email", "email": "nobody@example.org"}
    for known in (stranger, {"format": "email", "email": "alice@example.org"}):
        for what, status in (("add", 200), ("remove", 204), ("remove", 204), ("add", 200)):
            assert await subject(desk, stream, what, known) == status


async def test_the_stream_itself_cannot_be_removed_from_it(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    itself = {"format": "opaque", "id": stream["stream_id"]}
    await subject(desk, stream, "remove", itself)
    await desk.send("POST", "/ssf/verify", {"stream_id": stream["stream_id"]})
    assert names(await desk.take(stream)) == ["verification"]


@pytest.mark.parametrize(
    "wrong", [{}, {"format": "email"}, {"format": "unheard-of", "x": 1}, "alice", None, [], 7]
)
async def test_what_is_no_subject_is_refused(desk: SignalsDesk, wrong: Any) -> None:
    stream = await desk.polled()
    for what in ("add", "remove"):
        assert await subject(desk, stream, what, wrong) == 400


# 8.1.4: verification


async def test_a_verification_event_echoes_the_state(desk: SignalsDesk) -> None:
    stream = await desk.polled(events_requested=[])
    name = stream["stream_id"]
    body = {"stream_id": name, "state": "VGhpcyBpcyBh\u00fc"}
    answer = await desk.send("POST", "/ssf/verify", body)
    assert (answer.status_code, answer.content) == (204, b"")
    (claims,) = await desk.take(stream)
    assert payload(claims) == ("verification", {"state": body["state"]})
    assert claims["sub_id"] == {"format": "opaque", "id": name}


async def test_verification_has_a_least_interval(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    body = {"stream_id": stream["stream_id"]}
    assert (await desk.send("POST", "/ssf/verify", body)).status_code == 204
    again = await desk.send("POST", "/ssf/verify", body)
    assert again.status_code == 429
    assert int(again.headers["retry-after"]) == stream["min_verification_interval"]
    desk.now += stream["min_verification_interval"]
    assert (await desk.send("POST", "/ssf/verify", body)).status_code == 204
    (first, _) = await desk.take(stream)
    assert payload(first) == ("verification", {}), "no state was given, none is sent"


async def test_a_receiver_that_asks_too_often_is_told_so(desk: SignalsDesk) -> None:
    answers = {(await desk.send("GET", STREAMS)).status_code for _ in range(601)}
    assert answers == {200, 429}
    assert (await desk.send("GET", STREAMS, actor="service:spy")).status_code == 200


async def test_the_body_is_bounded(desk: SignalsDesk) -> None:
    answer = await desk.send("POST", STREAMS, b'{"description":"' + b"x" * 70_000 + b'"}')
    assert answer.status_code == 413


async def test_what_receivers_do_is_audited(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await subject(desk, stream, "remove", PERSON)
    await desk.send("DELETE", f"{STREAMS}?stream_id={stream['stream_id']}")
    async with desk.store.transaction() as transaction:
        entries = await transaction.audit.latest(3)
    assert [entry.act for entry in entries] == [
        "stream-removed",
        "stream-subject-remove",
        "stream-created",
    ]
    assert {entry.actor for entry in entries} == {"service:crm"}
    assert ALICE in entries[1].detail["subject"]
