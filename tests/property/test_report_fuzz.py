"""Whatever is sent as a report is a report or a clear refusal, and a refusal changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.devices.health import health_of
from doorward.administrator.fleet.health import DeviceHealth
from doorward.model.compliance import Check, Compliance
from doorward.model.device import Device
from doorward.model.ids import ComplianceId
from doorward.model.posture import FACTS
from doorward.protocol.agent import MAX_BODY_BYTES, Report
from tests.fakes.device_stand import LAPTOP, Stand, fact
from tests.fakes.fleet import AT

POLICY = Compliance(
    id=ComplianceId("base"),
    name="Basics",
    mode="enforce",
    checks=(Check(fact="firewall", want=True), Check(fact="listeners", allowed=())),
)
REFUSALS = {
    "message-malformed",
    "message-replayed",
    "facts-implausible",
    "nonce-stale",
    "device-cloned",
    "request-too-large",
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300)
values = scalars | st.lists(scalars, max_size=5) | st.dictionaries(st.text(max_size=5), scalars)
names = st.sampled_from(list(FACTS)) | st.text(max_size=20)
some_facts = st.fixed_dictionaries(
    {
        "name": names,
        "value": values,
        "at": st.sampled_from((AT, AT - 5, AT + 299, AT + 301, -1e308, 1e308, 0)) | scalars,
        "method": st.text(max_size=300) | scalars,
    },
    optional={"why": scalars, "more": scalars},
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "counter": st.integers() | scalars,
        "nonce": st.text(max_size=50) | scalars,
        "at": scalars | st.just(AT),
        "platform": st.sampled_from(("linux", "macos")) | scalars,
        "facts": st.lists(some_facts, max_size=4) | values,
        "quote": values,
        "more": scalars,
    },
)


def on_a_stand(case: Callable[[Stand], Awaitable[None]]) -> None:
    async def run() -> None:
        stand = await Stand.ready()
        await stand.publish(("compliance", POLICY))
        await stand.send(fact("firewall", value=True), fact("listeners", ()))
        await case(stand)

    asyncio.run(run())


async def seen(stand: Stand) -> tuple[Device, DeviceHealth]:
    return stand.device(), await health_of(stand.fleet, LAPTOP, stand.now)


async def check(stand: Stand, body: bytes) -> None:
    before = await seen(stand)
    answer = await stand.post(body)
    if answer.status_code == 200:
        report = msgspec.json.decode(body, type=Report)
        assert len({item.name for item in report.facts}) == len(report.facts)
        return
    document = answer.json()
    assert document["code"] in REFUSALS, document
    assert document["detail"]
    assert document["remedy"]
    after, health = await seen(stand)
    assert health == before[1]
    if document["code"] == "device-cloned":
        after = msgspec.structs.replace(after, suspended="")
    assert after == before[0]


@settings(max_examples=60)
@given(st.binary(max_size=2000))
def test_any_bytes(body: bytes) -> None:
    on_a_stand(lambda stand: check(stand, body))


@settings(max_examples=150)
@given(fields)
def test_reports_with_some_fields_changed(changed: dict[str, Any]) -> None:
    async def case(stand: Stand) -> None:
        good = json.loads(msgspec.json.encode(stand.report(fact("firewall", value=True))))
        await check(stand, json.dumps(good | changed).encode("utf-8", "surrogatepass"))

    on_a_stand(case)


@settings(max_examples=60)
@given(st.data())
def test_reports_with_some_bytes_changed(data: st.DataObject) -> None:
    async def case(stand: Stand) -> None:
        body = bytearray(msgspec.json.encode(stand.report(fact("firewall", value=True))))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(body) - 1))
            body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        await check(stand, bytes(body))

    on_a_stand(case)


@settings(max_examples=8)
@given(st.sampled_from((256, 257, 4000, 60_000)), st.sampled_from(("listeners", "firewall")))
def test_huge_lists(length: int, name: str) -> None:
    async def case(stand: Stand) -> None:
        good = json.loads(msgspec.json.encode(stand.report()))
        good["facts"] = [{"name": name, "value": ["tcp/1"] * length, "at": AT, "method": "ss"}] * (
            1 if length < 1000 else 2
        )
        body = json.dumps(good).encode()
        await check(stand, body)
        if len(body) > MAX_BODY_BYTES:
            assert (await stand.post(body)).json()["code"] == "request-too-large"

    on_a_stand(case)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(2, 6), st.booleans(), st.sampled_from((0, 60, 700))),
        min_size=1,
        max_size=12,
    )
)
def test_replays_and_other_orders_never_bring_back_what_was(
    sent: list[tuple[int, bool, int]],
) -> None:
    """Recorded reports, sent again in any order: the device is as its latest new one said."""

    async def case(stand: Stand) -> None:
        recorded: dict[tuple[int, bool], bytes] = {}
        latest, expected, cloned = 1, True, False
        for counter, value, pause in sent:
            stand.now += pause
            found = fact("firewall", value, stand.now), fact("listeners", (), stand.now)
            nonce = stand.fleet.nonces.nonce(LAPTOP, counter, stand.now)
            new = msgspec.json.encode(stand.report(*found, counter=counter, nonce=nonce))
            body = recorded.setdefault((counter, value), new)
            answer = await stand.post(body)
            if answer.status_code == 200 and counter > latest:
                latest, expected = counter, value
            elif answer.status_code == 200:
                assert counter == latest
            cloned = cloned or answer.json().get("code") == "device-cloned"
        assert stand.device().healthy is expected
        assert bool(stand.device().suspended) is cloned

    on_a_stand(case)
