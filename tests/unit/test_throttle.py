"""Counting floods in memory: exact windows, bounded memory, no threads."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from doorward.adapters.throttle import Limit, SlidingWindowThrottle

TWO_A_MINUTE = Limit(2, 60)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def throttle(
    limit: Limit = TWO_A_MINUTE, *, most_keys: int = 1000
) -> tuple[SlidingWindowThrottle, Clock]:
    clock = Clock()
    limits = {"a": limit, "b": Limit(1, 60)}
    return SlidingWindowThrottle(limits, most_keys=most_keys, clock=clock), clock


async def test_it_counts_by_key_and_says_how_long() -> None:
    counted, clock = throttle()
    assert await counted.allow("a:1")
    clock.now = 10
    assert await counted.allow("a:1", "b:1")
    assert not await counted.allow("a:1")
    assert await counted.allow("a:2")
    assert await counted.retry_after_seconds("a:1", "a:2") == 50
    assert await counted.retry_after_seconds("a:2") == 0
    clock.now = 59.5
    assert await counted.retry_after_seconds("a:1") == 1
    clock.now = 60
    assert await counted.allow("a:1")
    assert not await counted.allow("a:1")


async def test_an_exhausted_key_does_not_use_up_the_next() -> None:
    counted, _ = throttle(Limit(1, 60))
    assert await counted.allow("a:1")
    assert not await counted.allow("a:1", "b:1")
    assert await counted.allow("b:1")


@given(st.lists(st.floats(0, 30), max_size=60))
async def test_no_window_holds_more_than_the_limit_and_none_refuses_less(
    gaps: list[float],
) -> None:
    counted, clock = throttle(Limit(3, 60))
    admitted: list[float] = []
    for gap in gaps:
        clock.now += gap
        within = sum(moment > clock.now - 60 for moment in admitted)
        assert await counted.allow("a:1") == (within < 3)
        if within < 3:
            admitted.append(clock.now)


async def test_asking_how_long_after_the_window_breaks_nothing_for_others() -> None:
    counted, clock = throttle()
    assert await counted.allow("a:1")
    clock.now = 61
    assert await counted.retry_after_seconds("a:1") == 0
    assert await counted.allow("a:2")
    assert list(counted._windows["a"].moments) == ["a:2"]


async def test_a_flood_of_addresses_takes_bounded_memory() -> None:
    counted, clock = throttle(most_keys=100)
    for number in range(5000):
        assert await counted.allow(f"a:{number}")
    assert len(counted._windows["a"].moments) <= 100
    # The newest are still counted, and what is over goes while others come.
    assert await counted.allow("a:4999")
    assert not await counted.allow("a:4999")
    clock.now = 61
    for number in range(100):
        await counted.allow(f"a:new-{number}")
    assert all(key.startswith("a:new") for key in counted._windows["a"].moments)


async def test_who_keeps_trying_is_not_forgotten_among_others() -> None:
    counted, clock = throttle(Limit(2, 60), most_keys=100)
    admitted = 0
    for number in range(1000):
        clock.now += 0.05
        await counted.allow(f"a:{number}")
        if number % 50 == 0:
            admitted += await counted.allow("a:loud")
    assert admitted == 2


async def test_nothing_runs_beside_it() -> None:
    before = threading.active_count()
    counted, _ = throttle()
    for number in range(2000):
        await counted.allow(f"a:{number}")
        assert threading.active_count() == before
