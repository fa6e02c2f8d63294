"""What may be guessed how often, against an oracle that remembers every attempt."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.guesses import Bound, Refusal, counted

bounds = st.builds(
    Bound,
    purpose=st.just("test"),
    attempts=st.integers(1, 5),
    window_seconds=st.integers(1, 100),
    in_a_row=st.none() | st.integers(1, 12),
)


@given(bounds, st.lists(st.floats(0, 60), max_size=60))
def test_counts_are_those_of_an_oracle_that_forgets_nothing(
    bound: Bound, gaps: list[float]
) -> None:
    admitted: list[float] = []
    state: Attempts | None = None
    now = 1e9
    for gap in gaps:
        now += gap
        within = [moment for moment in admitted if moment > now - bound.window_seconds]
        after = counted(state, bound, "alice", now)
        if bound.in_a_row is not None and len(admitted) >= bound.in_a_row:
            assert after == Refusal("in-a-row", math.inf)
        elif len(within) >= bound.attempts:
            assert isinstance(after, Refusal)
            assert after.why == "window"
            assert 0 < after.wait_seconds <= bound.window_seconds
            # Told to wait so long, one waits not longer and not in vain.
            assert isinstance(counted(state, bound, "alice", now + after.wait_seconds), Attempts)
        else:
            assert isinstance(after, Attempts)
            admitted.append(now)
            assert (after.in_a_row, len(after.moments)) == (len(admitted), len(within) + 1)
            state = after


@given(bounds, st.lists(st.floats(0, 1e6), max_size=30))
def test_a_clock_that_jumps_gives_no_attempt_more(bound: Bound, moments: list[float]) -> None:
    """Whatever the clocks of processes say, a moment that is ahead counts until it is past."""
    state: Attempts | None = None
    for now in moments:
        after = counted(state, bound, "alice", now)
        if isinstance(after, Attempts):
            assert sum(moment > now - bound.window_seconds for moment in after.moments) <= (
                bound.attempts
            )
            assert list(after.moments) == sorted(after.moments)
            state = after


@given(bounds, st.floats(0, 1e9))
def test_a_count_that_ends_expires_once_nothing_of_it_counts(bound: Bound, now: float) -> None:
    after = counted(None, bound, "alice", now)
    assert isinstance(after, Attempts)
    endless = bound.in_a_row is not None
    assert after.expires_at == (None if endless else now + bound.window_seconds)
