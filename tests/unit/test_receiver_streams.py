"""A stream at its transmitter: discovery, making, verifying, status, deleting (SSF 1.0, 7, 8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from doorward.administrator.receiver.keep_polled import Poller
from doorward.administrator.receiver.keep_secrets import set_transmitter_secret
from doorward.administrator.receiver.metadata import configuration_url, read_configuration
from doorward.administrator.receiver.streams import (
    ask_status,
    ask_verification,
    connect_stream,
    disconnect_stream,
)
from doorward.errors import DoorwardError
from tests.fakes.signals_transmitter import AUDIENCE, POLL, PUSH
from tests.unit.signals_world import (
    ALICE,
    DISABLED,
    ISSUER,
    SESSION_REVOKED,
    Signals,
    signals,
)


@pytest.fixture
async def place() -> Signals:
    return await signals(connected=False)


def created(place: Signals) -> dict[str, Any]:
    (body,) = [b for m, path, _, b in place.there.calls if (m, path) == ("POST", "/streams")]
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://tr.example.com", "https://tr.example.com/.well-known/ssf-configuration"),
        ("https://tr.example.com/", "https://tr.example.com/.well-known/ssf-configuration"),
        ("https://tr.example.com/i1", "https://tr.example.com/.well-known/ssf-configuration/i1"),
        ("https://tr.example.com/i1/", "https://tr.example.com/.well-known/ssf-configuration/i1"),
    ],
)
def test_the_configuration_lies_between_host_and_path(issuer: str, url: str) -> None:
    assert configuration_url(issuer) == url


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"},
        {"issuer": f"{ISSUER}/"},
        {"jwks_uri": None},
        {"jwks_uri": ""},
        {"jwks_uri": "http://signals.work.example/jwks"},
        {"jwks_uri": "https://127.0.0.1/jwks"},
        {"configuration_endpoint": "https://169.254.169.254/latest"},
        {"status_endpoint": "ftp://signals.work.example"},
        {"verification_endpoint": "https://user:password@signals.work.example"},
        {"critical_subject_members": "user"},
    ],
)
async def test_a_configuration_that_does_not_hold_is_not_used(
    place: Signals, lie: dict[str, Any]
) -> None:
    told = {**place.there.metadata(), **lie}
    told = {name: value for name, value in told.items() if value is not None}
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        read_configuration(json.dumps(told).encode(), ISSUER)
    place.there.replies["GET", "/.well-known/ssf-configuration"] = (200, told)
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        await place.connect()
    assert (await place.record()).stream == ""


async def test_a_stream_for_push_tells_where_and_by_which_bearer(place: Signals) -> None:
    record = await place.connect()
    delivery = created(place)["delivery"]
    assert delivery["method"] == PUSH
    assert delivery["endpoint_url"] == "https://auth.doorward.localhost:8081/ssf/receive/watch"
    assert delivery["authorization_header"] == f"Bearer {place.bearer}"
    assert len(place.bearer) >= 43
    assert (record.stream, record.audience, record.status) == ("stream-1", (AUDIENCE,), "enabled")
    (entry,) = await place.world.desk.audited("stream-connected")
    assert entry["stream"] == "stream-1"


async def test_only_the_events_of_the_estate_are_requested(place: Signals) -> None:
    await place.declare(events=("session-revoked", "account-disabled"))
    await place.connect()
    assert created(place)["events_requested"] == [SESSION_REVOKED, DISABLED]


async def test_a_stream_for_poll_is_told_where_by_the_transmitter() -> None:
    place = await signals(delivery="poll")
    assert created(place)["delivery"] == {"method": POLL}
    assert (await place.record()).poll_url == f"{ISSUER}/poll"


STREAM = {
    "stream_id": "s",
    "iss": ISSUER,
    "aud": AUDIENCE,
    "delivery": {"method": PUSH, "endpoint_url": "x"},
}


@pytest.mark.parametrize(
    "answer",
    [
        b"no json",
        {**STREAM, "stream_id": ""},
        {**STREAM, "stream_id": 4},
        {**STREAM, "iss": "https://evil.example"},
        {**STREAM, "aud": []},
        {**STREAM, "aud": [""]},
        {**STREAM, "aud": 4},
        {**STREAM, "delivery": {"method": POLL, "endpoint_url": f"{ISSUER}/poll"}},
        {**STREAM, "delivery": {}},
    ],
)
async def test_a_stream_that_is_not_as_asked_is_not_used(place: Signals, answer: Any) -> None:
    place.there.replies["POST", "/streams"] = (201, answer)
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        await connect_stream(place.receiver, place.act(), "watch")
    assert (await place.record()).stream == ""


@pytest.mark.parametrize("url", ["http://signals.work.example/p", "https://10.0.0.1/p", "", "x"])
async def test_an_address_to_poll_inside_our_network_is_not_called(url: str) -> None:
    place = await signals(delivery="poll", connected=False)
    answer = {**STREAM, "delivery": {"method": POLL, "endpoint_url": url}}
    place.there.replies["POST", "/streams"] = (201, answer)
    place.there.replies["DELETE", "/streams"] = (204, b"")
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        await place.connect()
    assert place.there.calls[-1][:2] == ("DELETE", "/streams?stream_id=s")


async def test_a_stream_for_another_audience_is_deleted_again(place: Signals) -> None:
    await place.declare(audience="urn:doorward")
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        await place.connect()
    assert place.there.stream is None


async def test_there_is_one_stream_at_a_time(place: Signals) -> None:
    await place.connect()
    with pytest.raises(DoorwardError, match="transmitter-connected"):
        await place.connect()


async def test_without_a_token_for_its_api_nothing_is_asked(place: Signals) -> None:
    await set_transmitter_secret(place.receiver, place.act(), "watch", "management", "")
    with pytest.raises(DoorwardError, match="transmitter-secret-missing"):
        await place.connect()


async def test_a_token_that_is_refused_is_told(place: Signals) -> None:
    await set_transmitter_secret(place.receiver, place.act(), "watch", "management", "w" * 20)
    with pytest.raises(DoorwardError, match="transmitter-refused"):
        await place.connect()


async def test_a_verification_echoes_a_state_that_nobody_could_guess(place: Signals) -> None:
    await place.connect()
    await ask_verification(place.receiver, place.act(), "watch")
    (state,) = place.there.states
    assert len(state) >= 43
    assert (await place.record()).state_hash
    place.world.desk.now += 1
    assert (await place.post(place.there.verification("another"))).status_code == 400
    assert (await place.record()).verified_at is None
    assert (await place.post(place.there.verification(state))).status_code == 202
    record = await place.record()
    assert (record.state_hash, record.verified_at) == ("", place.now)


async def test_a_verification_may_come_after_other_events(place: Signals) -> None:
    await place.declare(delivery="poll")
    await place.connect()
    place.there.offer(DISABLED, {}, ALICE)
    await ask_verification(place.receiver, place.act(), "watch")
    await Poller(place.receiver, 2).poll(place.receiver.transmitter("watch"), lambda: place.now)
    outcomes = [signal.outcome for signal in await place.received()]
    assert outcomes == ["verified", "applied"]


async def test_a_verification_that_nobody_asked_for_leaves_ours_open(place: Signals) -> None:
    await place.connect()
    await ask_verification(place.receiver, place.act(), "watch")
    assert (await place.post(place.there.verification(None))).status_code == 202
    assert (await place.record()).state_hash


async def test_the_status_is_asked_with_the_id_of_the_stream(place: Signals) -> None:
    await place.connect()
    place.there.status = "paused"
    assert (await ask_status(place.receiver, place.act(), "watch")).status == "paused"
    assert place.there.calls[-1][:2] == ("GET", "/status?stream_id=stream-1")


@pytest.mark.parametrize("told", [[], {}, {"status": 4}, {"status": "asleep"}, b"\xff"])
async def test_a_status_that_is_none_is_an_error(place: Signals, told: Any) -> None:
    await place.connect()
    place.there.replies["GET", "/status"] = (200, told)
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        await ask_status(place.receiver, place.act(), "watch")
    assert (await place.record()).status == "enabled"


async def test_a_stream_is_deleted_and_its_bearer_is_void(place: Signals) -> None:
    await place.connect()
    record = await disconnect_stream(place.receiver, place.act(), "watch")
    assert (record.stream, record.push_hash, place.there.stream) == ("", "", None)
    assert record.management is not None
    answer = await place.post(place.there.token(DISABLED, {}, ALICE))
    assert answer.json()["err"] == "authentication_failed"
    for ask in (disconnect_stream, ask_status, ask_verification):
        with pytest.raises(DoorwardError, match="transmitter-disconnected"):
            await ask(place.receiver, place.act(), "watch")


async def test_a_stream_that_is_gone_there_can_be_deleted_here(place: Signals) -> None:
    await place.connect()
    place.there.stream = None
    assert (await disconnect_stream(place.receiver, place.act(), "watch")).stream == ""


async def test_a_transmitter_that_is_away_changes_nothing(place: Signals) -> None:
    await place.declare(issuer="https://away.example")
    await set_transmitter_secret(place.receiver, place.act(), "watch", "management", "w" * 20)
    with pytest.raises(DoorwardError, match="transmitter-unreachable"):
        await place.connect()


async def test_a_subject_that_was_never_added_is_no_error(place: Signals) -> None:
    """Events of subjects that were removed, or never added, are tolerated (SSF 1.0, 9.3)."""
    await place.connect()
    stranger = {"format": "email", "email": "stranger@elsewhere.example"}
    assert (await place.push(DISABLED, {}, stranger)).outcome == "subject-unknown"
