"""Fetching tokens from a transmitter, and telling it what came of them (RFC 8936)."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from doorward.administrator.receiver.keep_polled import MAX_PAUSE_SECONDS, MOST_AT_ONCE, Poller
from doorward.administrator.receiver.poll import MAX_EVENTS, Receipts, poll
from doorward.errors import DoorwardError
from tests.fakes.signals_transmitter import TOKEN
from tests.unit.signals_world import ALICE, DISABLED, ENABLED, Signals, signals, with_sessions


@pytest.fixture
async def place() -> Signals:
    found = await signals(delivery="poll")
    await with_sessions(found)
    return found


async def once(place: Signals, receipts: Receipts | None = None) -> bool:
    transmitter = place.receiver.transmitter("watch")
    return await poll(place.receiver, transmitter, receipts or Receipts(), place.now)


async def until_quiet(place: Signals) -> None:
    await Poller(place.receiver, 2).poll(place.receiver.transmitter("watch"), lambda: place.now)


def asked(place: Signals) -> list[dict[str, Any]]:
    return [json.loads(body) for method, path, _, body in place.there.calls if path == "/poll"]


async def test_a_token_is_applied_and_then_acknowledged(place: Signals) -> None:
    jti = place.there.offer(DISABLED, {}, ALICE)
    await until_quiet(place)
    assert place.standing().disabled
    assert (place.there.acknowledged, place.there.waiting) == ([jti], {})


async def test_a_poll_is_a_post_of_json_with_the_token_of_the_api(place: Signals) -> None:
    await until_quiet(place)
    method, path, headers, body = place.there.calls[-1]
    assert (method, path) == ("POST", "/poll")
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(body)["maxEvents"] == MAX_EVENTS
    assert json.loads(body)["returnImmediately"] is True


async def test_a_token_that_is_refused_is_reported_and_audited(place: Signals) -> None:
    place.there.lies = {"iss": "https://evil.example"}
    refused = place.there.offer(DISABLED, {}, ALICE)
    place.there.lies = {}
    taken = place.there.offer(DISABLED, {}, ALICE)
    await until_quiet(place)
    assert place.there.errors[refused]["err"] == "invalid_issuer"
    assert place.there.errors[refused]["description"]
    assert place.there.acknowledged == [taken]
    (entry,) = await place.world.desk.audited("signal-refused")
    assert (entry["err"], entry["target"]) == ("invalid_issuer", "transmitter:watch")


async def test_a_token_under_the_id_of_another_is_refused(place: Signals) -> None:
    jti = place.there.offer(DISABLED, {}, ALICE)
    place.there.waiting = {"another": place.there.waiting[jti]}
    await until_quiet(place)
    assert place.there.errors["another"]["err"] == "invalid_request"
    assert not place.standing().disabled


async def test_more_than_fits_one_answer_is_fetched_in_turn(place: Signals) -> None:
    for _ in range(MAX_EVENTS + 3):
        place.there.offer("urn:example:event", {}, ALICE)
    await until_quiet(place)
    assert len(place.there.acknowledged) == MAX_EVENTS + 3
    assert len(await place.received()) == MAX_EVENTS + 3


async def test_what_was_not_acknowledged_comes_again_and_does_nothing(place: Signals) -> None:
    jti = place.there.offer(DISABLED, {}, ALICE)
    await once(place)
    log = await place.received()
    assert place.there.acknowledged == []
    await until_quiet(place)
    assert await place.received() == log
    assert place.there.acknowledged == [jti]


async def test_receipts_that_could_not_be_told_are_told_later(place: Signals) -> None:
    jti = place.there.offer(DISABLED, {}, ALICE)
    receipts = Receipts()
    assert await once(place, receipts)
    place.there.replies["POST", "/poll"] = (503, {})
    with pytest.raises(DoorwardError, match="transmitter-invalid"):
        await once(place, receipts)
    place.there.replies.clear()
    await once(place, receipts)
    assert place.there.acknowledged == [jti]


async def test_tokens_are_taken_in_the_order_they_come(place: Signals) -> None:
    place.there.offer(DISABLED, {}, ALICE)
    place.there.offer(ENABLED, {}, ALICE)
    await until_quiet(place)
    assert not place.standing().disabled


async def test_what_cannot_be_verified_now_is_neither_taken_nor_refused(place: Signals) -> None:
    place.there.offer(DISABLED, {}, ALICE)
    place.receiver.directory._known.clear()
    place.there.replies["GET", "/jwks"] = (500, {})
    await until_quiet(place)
    assert (place.there.acknowledged, place.there.errors) == ([], {})
    assert place.receiver.troubles["watch"].code == "transmitter-invalid"
    place.there.replies.clear()
    place.world.desk.now += 60
    await until_quiet(place)
    assert place.standing().disabled
    assert place.receiver.troubles == {}


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((401, {}), "transmitter-refused"),
        ((403, {}), "transmitter-refused"),
        ((500, {}), "transmitter-invalid"),
        ((200, []), "transmitter-invalid"),
        ((200, {}), "transmitter-invalid"),
        ((200, {"sets": []}), "transmitter-invalid"),
        ((200, {"sets": {"a": 4}}), "transmitter-invalid"),
        ((200, {"sets": {}, "moreAvailable": "yes"}), "transmitter-invalid"),
        ((200, {"sets": {str(n): "a.b.c" for n in range(21)}}), "transmitter-invalid"),
        ((200, b"\xff"), "transmitter-invalid"),
        ((200, b"[" * 100_000), "transmitter-invalid"),
    ],
)
async def test_an_answer_that_is_none_is_an_error(
    place: Signals, reply: tuple[int, Any], code: str
) -> None:
    place.there.replies["POST", "/poll"] = reply
    with pytest.raises(DoorwardError, match=code):
        await once(place)
    assert await place.received() == []


async def test_nothing_is_polled_without_a_stream() -> None:
    place = await signals(delivery="poll", connected=False)
    assert not await once(place)
    assert asked(place) == []


async def test_failures_make_the_pause_longer_up_to_a_limit(place: Signals) -> None:
    place.there.replies["POST", "/poll"] = (500, {})
    poller, at = Poller(place.receiver, 2), place.now
    pauses = []
    for _ in range(12):
        waited = 0
        while not (due := poller.due(at)):
            at, waited = at + 1, waited + 1
        assert poller.due(at) == []
        await poller.poll(due[0], partial(float, at))
        pauses.append(waited)
    assert pauses[:5] == [0, 4, 8, 16, 32]
    assert pauses[-1] == MAX_PAUSE_SECONDS
    place.there.replies.clear()
    at += MAX_PAUSE_SECONDS
    (transmitter,) = poller.due(at)
    await poller.poll(transmitter, lambda: at)
    assert poller.due(at + 2)


async def test_only_transmitters_that_deliver_by_poll_are_polled() -> None:
    place = await signals()
    assert Poller(place.receiver, 2).due(place.now) == []


async def test_a_number_beyond_all_bounds_holds_up_nothing_behind_it(place: Signals) -> None:
    place.there.lies = {"iat": 10**400}
    poison = place.there.offer(DISABLED, {}, ALICE)
    place.there.lies = {}
    taken = place.there.offer(DISABLED, {}, ALICE)
    await until_quiet(place)
    assert place.there.errors[poison]["err"] == "invalid_request"
    assert place.there.acknowledged == [taken]


async def test_a_transmitter_that_always_has_more_is_not_polled_without_end(place: Signals) -> None:
    place.there.replies["POST", "/poll"] = (200, {"sets": {}, "moreAvailable": True})
    poller, watch = Poller(place.receiver, 2), place.receiver.transmitter("watch")
    async with asyncio.timeout(10):
        await poller.poll(watch, lambda: place.now)
    assert len(asked(place)) == MOST_AT_ONCE
    assert poller.due(place.now) == []
    assert poller.due(place.now + 2) == [watch]
