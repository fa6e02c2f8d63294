"""Tokens on their way: what they are, push (RFC 8935) and poll (RFC 8936)."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import replace

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature

from doorward.administrator.signals.transmitting.delivering import deliver_for_ever
from doorward.administrator.signals.transmitting.push import (
    ASKED_AGAIN_SECONDS,
    BATCH,
    GONE_SECONDS,
    PAUSES_SECONDS,
    deliver,
    reserve,
)
from doorward.administrator.signals.transmitting.stream_status import operate_stream
from doorward.administrator.signals.transmitting.supported import SUPPORTED
from doorward.administrator.signals.transmitting.sweep import (
    KEPT_SECONDS,
    MOST_WAITING,
    SILENT_SECONDS,
    sweep_signals,
)
from doorward.errors import DoorwardError
from doorward.model.estate import Resource
from doorward.model.ids import LabelId, ResourceId
from doorward.model.snapshot import Change, change, removal
from doorward.protocol.signals.delivery import MAX_POLLED
from doorward.protocol.signals.events import EVENTS, read_event
from doorward.protocol.signals.subjects import ComplexSubject, read_subject
from tests.fakes.signals_desk import (
    ALICE,
    ENDPOINT,
    ISSUER,
    NOON,
    SignalsDesk,
    names,
    payload,
    signals_desk,
    token_of,
    undelivered,
)
from tests.fakes.signals_receiver import Claims, RefusedError


@pytest.fixture
async def desk() -> SignalsDesk:
    return await signals_desk()


async def happen(desk: SignalsDesk, count: int = 1) -> None:
    for number in range(1, count + 1):
        await desk.session(f"ses_{number}")
        await desk.revoke(f"ses_{number}")


def sessions(tokens: list[Claims]) -> list[str]:
    return [claims["sub_id"]["session"]["id"] for claims in tokens]


# The token (RFC 8417; SSF 1.0, 4.1)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_token_is_typed_and_signed_by_a_published_key(
    desk: SignalsDesk, algorithm: str
) -> None:
    stream = await desk.polled(signing_alg=algorithm)
    await happen(desk)
    poller = await desk.poller(stream)
    ((jti, claims),) = (await poller.fetch()).items()
    header = poller.verifier.header
    assert (header["typ"], header["alg"]) == ("secevent+jwt", algorithm)
    assert claims["jti"] == jti


async def test_a_token_has_what_it_must_and_neither_sub_nor_exp(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await happen(desk)
    (claims,) = await desk.take(stream)
    assert set(claims) == {"iss", "iat", "jti", "aud", "txn", "sub_id", "events"}
    assert claims["iss"] == stream["iss"] == ISSUER
    assert claims["aud"] == stream["aud"]
    assert isinstance(claims["iat"], int)
    assert len(claims["events"]) == 1
    assert isinstance(payload(claims)[1], dict)


async def test_the_receiver_of_the_tests_takes_nothing_that_was_changed(desk: SignalsDesk) -> None:
    """Else it would prove nothing."""
    stream = await desk.polled()
    await happen(desk)
    answer = await desk.send(
        "POST", stream["delivery"]["endpoint_url"], {"returnImmediately": True}
    )
    (token,) = answer.json()["sets"].values()
    verifier = await desk.verifier()
    assert verifier.claims(token)
    head, body, signature = token.split(".")
    forged = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged["sub_id"]["user"]["sub"] = "bob"
    changed = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    with pytest.raises(InvalidSignature):
        verifier.claims(f"{head}.{changed}.{signature}")
    with pytest.raises(RefusedError, match="crm"):
        (await desk.verifier("spy")).claims(token)


async def test_a_token_is_no_hint_at_logout(desk: SignalsDesk) -> None:
    """It is signed by the provider's keys, and must not pass for an ID token (RFC 8725, 3.11)."""
    await desk.pushed()
    await happen(desk)
    await desk.deliver()
    ((_, _, token),) = desk.pushes.sent
    async with desk.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
    assert desk.transmitter.signer.verified(token, keys) is None


async def test_every_identifier_is_unique_and_txn_is_of_one_cause(desk: SignalsDesk) -> None:
    one, other = await desk.polled(), await desk.polled()
    await happen(desk, 2)
    tokens = [*await desk.take(one), *await desk.take(other)]
    assert len({claims["jti"] for claims in tokens}) == 4
    assert len({claims["txn"] for claims in tokens}) == 2


async def test_subjects_and_events_are_what_the_specifications_say(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await happen(desk)
    (claims,) = await desk.take(stream)
    read = read_subject(json.dumps(claims["sub_id"]).encode())
    assert isinstance(read, ComplexSubject)
    for uri, event in claims["events"].items():
        assert uri in EVENTS
        assert read_event(uri, json.dumps(event).encode()).event_timestamp == desk.now


# Push


async def test_a_token_is_pushed_with_the_header_of_its_stream(desk: SignalsDesk) -> None:
    stream = await desk.pushed(authorization_header="Bearer s3cret")
    await happen(desk)
    assert await desk.deliver() == 1
    ((url, header, _),) = desk.pushes.sent
    assert (url, header) == (ENDPOINT, "Bearer s3cret")
    assert names(await desk.received()) == ["session-revoked"]
    assert await desk.waiting(stream) == []
    assert (await desk.stream(stream)).heard_at == desk.now
    assert await desk.deliver() == 0


async def test_tokens_of_a_stream_are_pushed_in_order(desk: SignalsDesk) -> None:
    await desk.pushed()
    await happen(desk, BATCH + 3)
    desk.pushes.failures = [None, None, undelivered()]
    assert await desk.deliver() == 1
    desk.now += PAUSES_SECONDS[0] * 1.3
    while await desk.deliver():
        pass
    assert sessions(await desk.received()) == [f"ses_{n}" for n in range(1, BATCH + 4)]


async def test_what_is_not_delivered_is_tried_again_after_growing_pauses(
    desk: SignalsDesk,
) -> None:
    stream = await desk.pushed()
    await happen(desk)
    desk.pushes.broken = undelivered()
    for pause in PAUSES_SECONDS:
        assert await desk.deliver() == 1
        assert await desk.deliver() == 0
        kept = await desk.stream(stream)
        assert 0.7 * pause <= kept.due_at - desk.now <= 1.3 * pause
        assert kept.last_error == "The receiver answered 503."
        desk.now = kept.due_at
    desk.pushes.broken = None
    assert await desk.deliver() == 1
    assert sessions(await desk.received()) == ["ses_1"]
    kept = await desk.stream(stream)
    assert (kept.attempts, kept.failing_since, kept.last_error) == (0, None, "")


async def test_a_refused_token_is_noted_and_never_sent_again(desk: SignalsDesk) -> None:
    stream = await desk.pushed()
    await happen(desk, 2)
    desk.pushes.failures = [DoorwardError("set-refused", "invalid_audience", "")]
    await desk.deliver()
    assert sessions(await desk.received()) == ["ses_2"], "the next one goes on"
    assert await desk.waiting(stream) == []
    async with desk.store.transaction() as transaction:
        (entry,) = await transaction.audit.latest(1)
    assert (entry.act, entry.detail["error"]) == ("signal-refused", "invalid_audience")
    assert (await desk.stream(stream)).last_error == "invalid_audience"


async def test_a_stream_that_is_reserved_is_given_to_nobody_else(desk: SignalsDesk) -> None:
    await desk.pushed()
    await happen(desk)
    (batch,) = await reserve(desk.transmitter, desk.now)
    assert await reserve(desk.transmitter, desk.now) == []
    await deliver(desk.transmitter, batch, desk.now)
    assert len(desk.pushes.sent) == 1


async def test_a_process_that_dies_in_between_loses_nothing(desk: SignalsDesk) -> None:
    stream = await desk.pushed()
    await happen(desk)
    await reserve(desk.transmitter, desk.now)
    desk.now = (await desk.stream(stream)).due_at
    assert await desk.deliver() == 1
    assert len(desk.pushes.sent) == 1


async def test_a_stream_removed_under_way_stays_removed(desk: SignalsDesk) -> None:
    stream = await desk.pushed()
    await happen(desk)
    (batch,) = await reserve(desk.transmitter, desk.now)
    await desk.send("DELETE", f"/ssf/streams?stream_id={stream['stream_id']}")
    await deliver(desk.transmitter, batch, desk.now)
    assert (await desk.send("GET", "/ssf/streams")).json() == []


async def test_a_receiver_gone_for_a_day_is_paused_told_and_shown(desk: SignalsDesk) -> None:
    stream = await desk.pushed()
    await happen(desk)
    desk.pushes.broken = undelivered()
    await desk.deliver()
    desk.now += GONE_SECONDS
    await desk.deliver()
    kept = await desk.stream(stream)
    assert (kept.status, kept.stopped_by) == ("paused", "system")
    desk.now += 3600
    await desk.deliver()
    desk.pushes.broken = None
    desk.now += 3600
    await desk.deliver()
    assert names(await desk.received()) == ["stream-updated"], "and nothing else while paused"
    body = {"stream_id": stream["stream_id"], "status": "enabled"}
    assert (await desk.send("POST", "/ssf/status", body)).status_code == 200
    await desk.deliver()
    assert names(await desk.received()) == ["stream-updated", "session-revoked"]


async def test_one_receiver_that_is_gone_holds_up_no_other(desk: SignalsDesk) -> None:
    await desk.pushed()
    await desk.pushed(endpoint_url="https://other.example.org/")
    await happen(desk)
    desk.pushes.failures = [undelivered()]
    assert await desk.deliver() == 2
    assert len(desk.pushes.sent) == 1


async def test_what_happens_is_pushed_at_once(desk: SignalsDesk) -> None:
    await desk.pushed()
    # It would find what waits by looking after an hour: it has to be woken.
    running = asyncio.create_task(
        deliver_for_ever(desk.transmitter, lambda: desk.now, look_seconds=3600)
    )
    await asyncio.sleep(0.05)
    await happen(desk)
    async with asyncio.timeout(10):
        await desk.pushes.came.wait()
    running.cancel()
    assert names(await desk.received()) == ["session-revoked"]


@pytest.mark.parametrize(
    "taken",
    [
        removal("service_token", "dwt_crm"),
        removal("resource", "signals"),
        change("service_token", msgspec.structs.replace(token_of("crm"), expires_at=NOON)),
        change("service_token", msgspec.structs.replace(token_of("crm"), resources=())),
    ],
    ids=["revoked", "no resource", "expired", "for another resource"],
)
async def test_a_receiver_without_a_token_is_told_nothing_more(
    desk: SignalsDesk, taken: Change
) -> None:
    stream = await desk.pushed()
    await happen(desk)
    await desk.publish(taken)
    assert await desk.deliver() == 0
    assert desk.pushes.sent == []
    assert "no token" in (await desk.stream(stream)).last_error
    resource = Resource(
        id=ResourceId("signals"),
        name="Signals",
        host="signals",
        upstream="signals",
        label=LabelId("internal"),
        owner=ALICE,
    )
    await desk.publish(change("resource", resource), change("service_token", token_of("crm")))
    desk.now += ASKED_AGAIN_SECONDS
    assert await desk.deliver() == 1
    assert sessions(await desk.received()) == ["ses_1"]
    assert (await desk.stream(stream)).last_error == ""


async def test_streams_of_a_service_that_is_gone_go_too(desk: SignalsDesk) -> None:
    stream = await desk.pushed()
    await happen(desk)
    await desk.publish(removal("service", "crm"))
    assert await desk.deliver() == 0
    await sweep_signals(desk.transmitter, desk.now)
    async with desk.store.transaction() as transaction:
        assert await transaction.signals.streams.all() == []
        (entry,) = await transaction.audit.latest(1)
    assert (entry.act, entry.target) == ("stream-removed", f"stream:{stream['stream_id']}")
    assert await desk.waiting(stream) == []


# Poll


async def test_a_poll_answers_what_waits_and_keeps_it_until_acknowledged(
    desk: SignalsDesk,
) -> None:
    poller = await desk.poller(await desk.polled())
    await happen(desk, 2)
    first = await poller.fetch()
    assert list(first) == list(await poller.fetch()), "not acknowledged: told again"
    one, two = first
    assert list(await poller.fetch(ack=[one, "jti_of_nobody"])) == [two]
    assert await poller.fetch(ack=[two]) == {}


async def test_a_poll_is_never_told_more_than_it_wants(desk: SignalsDesk) -> None:
    poller = await desk.poller(await desk.polled())
    await happen(desk, 3)
    assert len(await poller.fetch(maxEvents=2)) == 2
    assert poller.more
    assert len(await poller.fetch(maxEvents=3)) == 3
    assert not poller.more


async def test_a_poll_for_no_events_only_acknowledges(desk: SignalsDesk) -> None:
    poller = await desk.poller(await desk.polled())
    await happen(desk, 2)
    one, two = await poller.fetch()
    assert await poller.fetch(maxEvents=0, ack=[one], returnImmediately=False) == {}
    assert poller.more
    assert list(await poller.fetch()) == [two]


async def test_nothing_to_tell_is_an_empty_object(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    url = stream["delivery"]["endpoint_url"]
    answer = await desk.send("POST", url, {"returnImmediately": True})
    assert (answer.status_code, answer.json()["sets"]) == (200, {})
    assert answer.headers["content-type"] == "application/json"


async def test_a_long_poll_is_answered_when_something_happens(desk: SignalsDesk) -> None:
    desk.wait_seconds = 5
    poller = await desk.poller(await desk.polled())
    waiting = asyncio.create_task(poller.fetch(returnImmediately=False))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await happen(desk)
    assert len(await waiting) == 1
    assert time.monotonic() - began < desk.wait_seconds


async def test_a_long_poll_ends_empty_after_a_while(desk: SignalsDesk) -> None:
    poller = await desk.poller(await desk.polled())
    began = time.monotonic()
    assert await poller.fetch(returnImmediately=False) == {}
    assert 0.25 < time.monotonic() - began < 3


async def test_a_refused_token_of_a_poll_is_noted_and_gone(desk: SignalsDesk) -> None:
    poller = await desk.poller(await desk.polled())
    await happen(desk)
    (jti,) = await poller.fetch()
    error = {"err": "invalid_issuer\n<script>", "description": "a private remark"}
    assert await poller.fetch(setErrs={jti: error, "jti_of_nobody": error}) == {}
    async with desk.store.transaction() as transaction:
        entry, before = await transaction.audit.latest(2)
    assert (entry.act, entry.detail["jti"]) == ("signal-refused", jti)
    assert entry.detail["error"] == "unreadable"
    assert before.act == "session-revoked", "one entry: what was never sent is not noted"


async def test_a_poll_is_bounded(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    url = stream["delivery"]["endpoint_url"]
    many = {"ack": [str(number) for number in range(MAX_POLLED + 1)]}
    assert (await desk.send("POST", url, many)).status_code == 400
    assert (await desk.send("POST", url, {"maxEvents": -1})).status_code == 400
    pushed = await desk.pushed()
    url = f"/ssf/poll/{pushed['stream_id']}"
    assert (await desk.send("POST", url, {"returnImmediately": True})).status_code == 404


# What nobody fetches


async def test_a_poll_stream_that_is_silent_for_a_day_is_paused(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    desk.now += SILENT_SECONDS
    await sweep_signals(desk.transmitter, desk.now)
    assert (await desk.stream(stream)).status == "enabled", "nothing waits: nothing is wrong"
    await happen(desk)
    await sweep_signals(desk.transmitter, desk.now)
    assert (await desk.stream(stream)).status == "paused"
    assert names(await desk.take(stream)) == ["stream-updated"]


async def test_what_waits_too_long_is_dropped_and_that_is_told(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    name = stream["stream_id"]
    await desk.send("POST", "/ssf/status", {"stream_id": name, "status": "paused"})
    await happen(desk)
    desk.now += KEPT_SECONDS + 1
    assert await sweep_signals(desk.transmitter, desk.now) == 1
    assert "1 events were dropped" in (await desk.stream(stream)).last_error
    async with desk.store.transaction() as transaction:
        (entry,) = await transaction.audit.latest(1)
    assert (entry.act, entry.detail["tokens"]) == ("signals-dropped", "1")


async def test_of_too_many_the_oldest_go(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await happen(desk)
    (item,) = await desk.waiting(stream)
    more = [msgspec.structs.replace(item, jti=f"x{n}") for n in range(MOST_WAITING)]
    async with desk.store.transaction() as transaction:
        await transaction.signals.outbox.add(more)
    assert await sweep_signals(desk.transmitter, desk.now) == 1
    assert item.jti not in {kept.jti for kept in await desk.waiting(stream)}


async def test_an_operator_who_pauses_twice_tells_it_once(desk: SignalsDesk) -> None:
    stream = await desk.polled(events_requested=[SUPPORTED[0]])
    for status in ("paused", "paused", "enabled", "paused"):
        await operate_stream(desk.transmitter, desk.act, stream["stream_id"], status)
    tokens = await desk.take(stream)
    assert [payload(claims)[1]["status"] for claims in tokens] == ["paused"]


async def test_a_header_that_cannot_be_unsealed_holds_up_no_other_stream(
    desk: SignalsDesk,
) -> None:
    broken = await desk.pushed(authorization_header="Bearer a")
    whole = await desk.pushed(authorization_header="Bearer b")
    stream = await desk.stream(broken)
    async with desk.store.transaction() as transaction:
        await transaction.signals.streams.put(
            msgspec.structs.replace(stream, authorization=b"sealed with another key")
        )
    await desk.session()
    await desk.revoke()
    assert await desk.deliver() == 1
    assert [header for _, header, _ in desk.pushes.sent] == ["Bearer b"]
    assert not await desk.waiting(whole)
    held = await desk.stream(broken)
    assert held.last_error
    assert held.due_at > desk.now
    assert len(await desk.waiting(broken)) == 1


async def test_what_nobody_thought_of_does_not_end_all_deliveries(desk: SignalsDesk) -> None:
    await desk.pushed()
    other = await desk.pushed(endpoint_url="https://spy.example.org/events")
    await desk.session()
    await desk.revoke()

    class Pusher:
        async def push(self, url: str, authorization: str, token: str) -> None:
            if url == ENDPOINT:
                raise ValueError(url)
            await desk.pushes.push(url, authorization, token)

    transmitter = replace(desk.transmitter, pusher=Pusher())
    task = asyncio.create_task(deliver_for_ever(transmitter, lambda: desk.now, 0.01))
    await asyncio.wait_for(desk.pushes.came.wait(), 2)
    await asyncio.sleep(0.05)
    assert not task.done()
    assert not await desk.waiting(other)
    task.cancel()
