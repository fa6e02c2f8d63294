"""Event streams and what waits on them, on every store."""

from __future__ import annotations

import msgspec

from doorward.administrator.ports import Store
from doorward.administrator.signal_ports import Pending, PendingKind, Stream
from doorward.model.ids import ServiceId
from doorward.protocol.signals.subjects import Json

CRM = ServiceId("crm")
ALL: tuple[PendingKind, ...] = ("event", "verification", "update")
EVENTS: tuple[PendingKind, ...] = ("event",)
VERIFICATIONS: tuple[PendingKind, ...] = ("verification",)
POLLED = Stream(id="stm_1", receiver=CRM, method="poll", created_at=1.5)
PUSHED = Stream(
    id="stm_2",
    receiver=CRM,
    method="push",
    created_at=2.5,
    endpoint_url="https://crm.example/events",
    authorization=b"\x00sealed",
    requested=("a", "b"),
    description="über",
    user_format="email",
    algorithm="ES256",
    status="paused",
    reason="why",
    stopped_by="operator",
    verified_at=3.0,
    attempts=4,
    due_at=10.0,
    failing_since=2.0,
    last_error="oops",
    heard_at=9.0,
)


def item(jti: str, kind: PendingKind = "event", at: float = 5.0, stream: str = "stm_2") -> Pending:
    return Pending(stream=stream, jti=jti, kind=kind, claims=msgspec.Raw(b'{"a":1}'), at=at)


async def test_streams_are_kept_changed_and_forgotten(store: Store) -> None:
    async with store.transaction() as transaction:
        assert not await transaction.signals.streams.any()
        await transaction.signals.streams.put(PUSHED)
        await transaction.signals.streams.put(POLLED)
        await transaction.signals.outbox.add([item("1"), item("2", stream="stm_1")])
        await transaction.signals.left_out.add("stm_2", {"format": "opaque", "id": "x"})
    changed = msgspec.structs.replace(PUSHED, status="enabled", authorization=None, requested=())
    async with store.transaction() as transaction:
        streams = transaction.signals.streams
        assert await streams.any()
        assert await streams.all() == [POLLED, PUSHED]
        await streams.put(changed)
        assert await streams.get("stm_2") == changed
        assert await streams.get("stm_9") is None
        await streams.remove("stm_2")
    async with store.transaction() as transaction:
        assert await transaction.signals.streams.all() == [POLLED]
        assert await transaction.signals.outbox.counts() == {"stm_1": 1}
        assert await transaction.signals.left_out.of("stm_2") == []


async def test_what_waits_comes_in_order_and_goes_once(store: Store) -> None:
    async with store.transaction() as transaction:
        outbox = transaction.signals.outbox
        await outbox.add([])
        await outbox.add([item("b"), item("a")])
        await outbox.add([item("v", "verification"), item("u", "update"), item("c")])
        await outbox.add([item("a", stream="stm_1")])
    async with store.transaction() as transaction:
        outbox = transaction.signals.outbox
        waiting = await outbox.waiting("stm_2", 10, ALL)
        assert [found.jti for found in waiting] == ["u", "b", "a", "v", "c"]
        assert waiting[0].claims == msgspec.Raw(b'{"a":1}')
        assert [found.jti for found in await outbox.waiting("stm_2", 1, EVENTS)] == ["b"]
        assert await outbox.remove("stm_2", ["a", "nothing", "u"]) == 2
        assert await outbox.remove("stm_2", ["a"]) == 0
        assert await outbox.remove("stm_2", []) == 0
        assert await outbox.drop("stm_2", VERIFICATIONS) == 1
        assert await outbox.counts() == {"stm_2": 2, "stm_1": 1}


async def test_the_oldest_go_first(store: Store) -> None:
    async with store.transaction() as transaction:
        outbox = transaction.signals.outbox
        await outbox.add([item(str(number), at=float(number)) for number in range(6)])
        await outbox.add([item("x", stream="stm_1")])
    async with store.transaction() as transaction:
        outbox = transaction.signals.outbox
        assert await outbox.trim(2.0, 3) == {"stm_2": 3}
        assert [found.jti for found in await outbox.waiting("stm_2", 9, ALL)] == ["3", "4", "5"]
        assert await outbox.trim(0.0, 3) == {}


async def test_only_push_streams_with_something_to_send_are_due(store: Store) -> None:
    streams = {
        "waits": msgspec.structs.replace(PUSHED, id="waits", status="enabled", due_at=5.0),
        "later": msgspec.structs.replace(PUSHED, id="later", status="enabled", due_at=50.0),
        "empty": msgspec.structs.replace(PUSHED, id="empty", status="enabled", due_at=0.0),
        "paused": msgspec.structs.replace(PUSHED, id="paused", status="paused", due_at=0.0),
        "told": msgspec.structs.replace(PUSHED, id="told", status="disabled", due_at=0.0),
        "polled": msgspec.structs.replace(POLLED, id="polled"),
    }
    async with store.transaction() as transaction:
        for stream in streams.values():
            await transaction.signals.streams.put(stream)
        await transaction.signals.outbox.add(
            [item(name, stream=name) for name in streams if name != "empty"]
        )
        await transaction.signals.outbox.add([item("u", "update", stream="told")])
        due = await transaction.signals.streams.due(5.0)
        assert [stream.id for stream in due] == ["told", "waits"]


async def test_left_out_subjects_are_the_same_however_they_are_written(store: Store) -> None:
    one: Json = {"format": "iss_sub", "iss": "https://a", "sub": "1"}
    async with store.transaction() as transaction:
        left_out = transaction.signals.left_out
        await left_out.add("stm_1", one)
        await left_out.add("stm_1", {"sub": "1", "iss": "https://a", "format": "iss_sub"})
        await left_out.add("stm_2", one)
        assert await left_out.of("stm_1") == [one]
        await left_out.remove("stm_1", {"sub": "1", "format": "iss_sub", "iss": "https://a"})
        await left_out.remove("stm_1", one)
        assert await left_out.of("stm_1") == []
        assert await left_out.of("stm_2") == [one]
