"""Whatever is heard, when and by whom: what is used stays, what is not used ends in time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.end_idle import end_idle
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.idleness.limits import (
    HARDWARE_SECONDS,
    LATE_SECONDS,
    IdleLimit,
    heard_everywhere,
    is_idle,
    last_used,
)
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import change
from tests.fakes.store import MemoryStore, control_plane

START = 1_800_000_000.0
LIMIT = IdleLimit(3600)
STEP_SECONDS = 60.0
moments = st.floats(0, 100_000)


def session(aal: int = 2, **changed: float) -> Session:
    return Session(
        id=SessionId("ses_1"),
        user=UserId("alice"),
        started_at=changed.get("started_at", 0.0),
        expires_at=START * 2,
        authenticated_at=changed.get("authenticated_at", 0.0),
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="192.0.2.1",
        aal=aal,
    )


@given(st.integers(1, 100_000), moments, moments, moments, moments, st.integers(1, 3))
def test_a_session_ends_by_silence_as_long_as_its_limit_and_no_less(
    seconds: int, started: float, confirmed: float, heard: float, silent_until: float, aal: int
) -> None:
    limit, found = IdleLimit(seconds), session(aal, started_at=started, authenticated_at=confirmed)
    unused = silent_until - max(started, confirmed, heard)
    ended = is_idle(found, limit, heard, silent_until)
    assert ended == (last_used(found, heard) + limit.of(found) <= silent_until)
    if unused < min(seconds, HARDWARE_SECONDS) - 1e-6:
        assert not ended
    if unused > (min(seconds, HARDWARE_SECONDS) if aal == 3 else seconds) + 1e-6:
        assert ended


@given(st.dictionaries(st.text(max_size=3), moments), moments)
def test_silence_counts_as_far_as_all_but_the_lost_were_heard(
    sources: dict[str, float], now: float
) -> None:
    until = heard_everywhere(sources, now)
    waited_for = [at for at in sources.values() if at > now - LATE_SECONDS]
    assert until > now - LATE_SECONDS
    assert all(until <= at for at in waited_for)
    assert until == now or until in waited_for


@given(st.integers(1, 10_000_000))
def test_writes_are_a_minute_apart_where_limits_are_long(seconds: int) -> None:
    pause = IdleLimit(seconds).pause_seconds
    assert pause == 60 if seconds >= 600 else 0.5 <= pause < 60


@dataclass
class Replica:
    """A control process, and the gateway whose use it hears of `late` steps afterwards."""

    control: ControlPlane
    name: str
    unheard: list[tuple[float, str]] = field(default_factory=list)

    def hear(self, now: float, late: int) -> None:
        until = now - late * STEP_SECONDS
        for at, used in self.unheard:
            if at <= until:
                self.control.activity.used(used, at)
        self.unheard = [item for item in self.unheard if item[0] > until]
        self.control.activity.told(f"gateway-{self.name}", until)


def replica(store: MemoryStore, name: str) -> Replica:
    return Replica(replace(control_plane(store), activity=Activity(LIMIT, name)), name)


step = st.fixed_dictionaries(
    {
        "uses": st.sets(st.sampled_from(["ses_1", "ses_2"])),
        "at": st.sampled_from([0, 1]),
        "late": st.tuples(st.integers(0, 10), st.integers(0, 10)),
        "restarts": st.sampled_from([None, None, None, 0, 1]),
        "minutes": st.sampled_from([1, 5, 20, 59]),
    }
)


@settings(max_examples=30)
@given(st.lists(step, max_size=10))
def test_with_two_processes_late_gateways_and_restarts(steps: list[dict[str, object]]) -> None:
    asyncio.run(_two_processes(steps))


async def _two_processes(steps: list[dict[str, object]]) -> None:
    store, now = MemoryStore(), START
    replicas = [replica(store, "a"), replica(store, "b")]
    used = {"ses_1": START, "ses_2": START}
    due: set[str] = set()
    async with store.transaction() as transaction:
        opened = session(started_at=START, authenticated_at=START)
        changes = [
            change("session", msgspec.structs.replace(opened, id=SessionId(name))) for name in used
        ]
        await transaction.snapshot.publish(changes)
    for item in steps:
        alive = set((await store.load()).sessions)
        for name in sorted(item["uses"] & alive):  # type: ignore[operator]
            replicas[item["at"]].unheard.append((now, name))  # type: ignore[call-overload]
            # Whoever comes back after the limit, to what has not ended yet, may find it ended.
            due |= {name} if now - used[name] >= LIMIT.seconds else set()
            used[name] = now
        for _ in range(int(item["minutes"])):  # type: ignore[call-overload]
            now += STEP_SECONDS
            for one, late in zip(replicas, item["late"], strict=True):  # type: ignore[call-overload]
                one.hear(now, late)
                await end_idle(one.control, now)
        left = set((await store.load()).sessions)
        for name, at in used.items():
            unused = now - at
            if name in alive:
                assert name in left | due or unused >= LIMIT.seconds
                bound = LIMIT.seconds + LATE_SECONDS + 3 * STEP_SECONDS
                assert name not in left or unused < bound
        if item["restarts"] is not None:
            # What was heard and written is known again; what gateways still hold comes later.
            number = int(item["restarts"])  # type: ignore[call-overload]
            held = replicas[number].unheard
            replicas[number] = replica(store, "ab"[number])
            replicas[number].unheard = held
