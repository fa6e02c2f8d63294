"""The endpoint that transmitters push to: who may, and what is answered (RFC 8935)."""

from __future__ import annotations

import httpx
import pytest

from doorward.administrator.receiver.keep_secrets import set_transmitter_secret
from doorward.entrypoints.signals.receive import app
from doorward.errors import DoorwardError
from tests.fakes.receiver import ORIGIN
from tests.unit.signals_world import ALICE, DISABLED, SESSION_REVOKED, Signals, signals


@pytest.fixture
async def place() -> Signals:
    return await signals()


def token(place: Signals) -> str:
    return place.there.token(DISABLED, {}, ALICE)


async def test_a_token_that_is_taken_is_answered_202_and_an_empty_body(place: Signals) -> None:
    answer = await place.post(token(place))
    assert (answer.status_code, answer.content) == (202, b"")


async def test_a_token_that_is_not_taken_is_answered_400_in_json(place: Signals) -> None:
    answer = await place.post("not a token")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"err", "description"}


async def test_the_language_of_the_description_is_told(place: Signals) -> None:
    assert (await place.post("not a token")).headers["content-language"] == "en"


async def test_an_error_does_not_say_what_exactly_is_wrong(place: Signals) -> None:
    """Whoever forges learns from the code what the specification says, and no more."""
    place.there.lies = {"iat": 1}
    first = await place.post(token(place))
    place.there.lies = {"jti": ""}
    assert (await place.post(token(place))).content == first.content


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Basic d2F0Y2g6eA==", "bearer  "],
)
async def test_without_its_bearer_a_transmitter_is_not_known(
    place: Signals, authorization: str
) -> None:
    answer = await place.post(token(place), authorization=authorization)
    assert (answer.status_code, answer.json()["err"]) == (400, "authentication_failed")
    assert not place.standing().disabled


async def test_an_unknown_transmitter_looks_like_one_that_is_not_let_in(place: Signals) -> None:
    known = await place.post(token(place), authorization="Bearer wrong")
    unknown = await place.post(token(place), transmitter="unknown")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


async def test_without_a_secret_nobody_may_push() -> None:
    place = await signals(connected=False)
    answer = await place.post(token(place), authorization="Bearer ")
    assert answer.json()["err"] == "authentication_failed"


async def test_one_that_is_polled_may_not_push() -> None:
    place = await signals(delivery="poll")
    secret = "a-bearer-of-its-own"
    await set_transmitter_secret(place.receiver, place.act(), "watch", "push", secret)
    answer = await place.post(token(place), authorization=f"Bearer {secret}")
    assert answer.json()["err"] == "access_denied"


@pytest.mark.parametrize("media_type", ["", "application/json", "application/jwt", "text/plain"])
async def test_another_media_type_is_refused(place: Signals, media_type: str) -> None:
    answer = await place.post(token(place), content_type=media_type)
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")
    assert not place.standing().disabled


@pytest.mark.parametrize("body", [b"", b"\xff" * 9, b"a" * 70_000, b"a.b.c"])
async def test_a_body_that_is_no_token_is_refused(place: Signals, body: bytes) -> None:
    answer = await place.post(body)
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")


async def test_only_post_is_answered(place: Signals) -> None:
    transport = httpx.ASGITransport(app(place.receiver, clock=lambda: place.now))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        assert (await client.get("/ssf/receive/watch")).status_code == 405
        assert (await client.post("/ssf/receive/watch/more")).status_code == 404


async def test_refusals_are_audited_up_to_a_limit(place: Signals) -> None:
    for _ in range(30):
        await place.post("junk", authorization="Bearer wrong")
    entries = await place.world.desk.audited("signal-refused")
    assert len(entries) == 10
    assert entries[0] == {
        "target": "transmitter:watch",
        "err": "authentication_failed",
        "why": "bearer-wrong",
        "from": "203.0.113.77",
    }


async def test_a_flood_from_one_address_is_answered_429(place: Signals) -> None:
    for _ in range(1200):
        assert await place.receiver.throttle.allow("signal-address:203.0.113.77")
    answer = await place.post(token(place))
    assert (answer.status_code, answer.content) == (429, b"")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await place.post(token(place), x_forwarded_for="192.0.2.5")).status_code == 202


@pytest.mark.parametrize(
    "secret", ["short", "with a space in it yes", "x" * 5000, "tab\tinside-it-yes"]
)
async def test_what_is_no_token_is_not_kept(place: Signals, secret: str) -> None:
    with pytest.raises(DoorwardError, match="transmitter-secret-invalid"):
        await set_transmitter_secret(place.receiver, place.act(), "watch", "push", secret)


async def test_secrets_are_kept_as_hash_and_sealed_and_leave_no_trace(place: Signals) -> None:
    secret = "correct-horse-battery-staple"
    for kind in ("push", "management"):
        await set_transmitter_secret(place.receiver, place.act(), "watch", kind, secret)
    record = await place.record()
    assert secret.encode() not in repr(record).encode()
    async with place.world.desk.store.transaction() as transaction:
        assert secret not in repr(await transaction.audit.latest(100))


async def test_a_secret_is_forgotten(place: Signals) -> None:
    await set_transmitter_secret(place.receiver, place.act(), "watch", "push", "")
    assert (await place.post(token(place))).json()["err"] == "authentication_failed"


async def test_secrets_of_another_issuer_under_the_same_id_count_for_nothing(
    place: Signals,
) -> None:
    await place.declare(issuer="https://evil.example")
    assert (await place.post(token(place))).json()["err"] == "authentication_failed"
    assert (await place.record()).management is None


async def test_an_event_that_changes_nothing_leaves_no_audit_entry(place: Signals) -> None:
    await place.push(SESSION_REVOKED, {})
    assert await place.world.desk.audited("signal-applied") == []
