"""Sliding windows against floods, in memory (port `Throttle`)."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MOST_KEYS = 50_000
_LET_GO_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within any `window_seconds`."""

    attempts: int
    window_seconds: int


@dataclass(slots=True)
class _Windows:
    """The moments that count, by key; the key that was tried longest ago comes first."""

    limit: Limit
    moments: dict[str, deque[float]] = field(default_factory=dict)

    def hit(self, key: str, now: float, most_keys: int) -> bool:
        self._let_go(now, most_keys)
        moments = self._counting(key, now)
        admitted = len(moments) < self.limit.attempts
        if admitted:
            moments.append(now)
        self.moments.pop(key, None)
        self.moments[key] = moments
        return admitted

    def wait(self, key: str, now: float) -> float:
        moments = self._counting(key, now)
        if len(moments) < self.limit.attempts:
            return 0
        return moments[0] + self.limit.window_seconds - now

    def _counting(self, key: str, now: float) -> deque[float]:
        moments = self.moments.get(key) or deque()
        while moments and moments[0] <= now - self.limit.window_seconds:
            moments.popleft()
        return moments

    def _let_go(self, now: float, most_keys: int) -> None:
        """Forget a few keys that count no more; where there are too many, the quietest."""
        for _ in range(_LET_GO_AT_ONCE):
            oldest = next(iter(self.moments), None)
            if oldest is None:
                return
            past = not self._counting(oldest, now)
            if not past and len(self.moments) < most_keys:
                return
            del self.moments[oldest]


class SlidingWindowThrottle:
    """Counts by key; a key is `namespace:rest`, and each namespace has its own limit.

    A refused attempt is not counted, so hammering at a closed door does not keep it closed.
    Counts are per process: with n control replicas an attacker has n times the attempts. What
    must not be guessed is counted in the store (`administrator/guesses.py`).
    At most `most_keys` keys of a namespace are kept. No timer runs: keys that count no more go
    while others are counted. `clock` is in seconds and never goes back.
    """

    def __init__(
        self,
        limits: Mapping[str, Limit],
        *,
        most_keys: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._windows = {namespace: _Windows(limit) for namespace, limit in limits.items()}
        self._most_keys = most_keys
        self._clock = clock

    async def allow(self, *keys: str) -> bool:
        """Count one attempt against each key in turn, and stop at the first exhausted one."""
        now = self._clock()
        return all(self._of(key).hit(key, now, self._most_keys) for key in keys)

    async def retry_after_seconds(self, *keys: str) -> int:
        """How long until none of the keys is exhausted; 0 where none is."""
        now = self._clock()
        return max((math.ceil(self._of(key).wait(key, now)) for key in keys), default=0)

    def _of(self, key: str) -> _Windows:
        return self._windows[key.partition(":")[0]]
