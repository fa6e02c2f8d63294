"""Sliding windows of attempts, in memory (port `Throttle`)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within any `window_seconds`."""

    attempts: int
    window_seconds: int


class SlidingWindowThrottle:
    """Counts by key; a key is `namespace:rest`, and each namespace has its own limit.

    A refused attempt is not counted, so hammering at a closed door does not keep it closed.
    Counts are per process: with n control replicas an attacker has n times the attempts.
    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._items = {
            namespace: RateLimitItemPerSecond(
                limit.attempts, limit.window_seconds, namespace=namespace
            )
            for namespace, limit in limits.items()
        }
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    async def allow(self, *keys: str) -> bool:
        """Count one attempt against each key in turn, and stop at the first exhausted one."""
        return all(self._windows.hit(self._item(key), key) for key in keys)

    async def retry_after_seconds(self, *keys: str) -> int:
        """How long until none of the keys is exhausted; 0 where none is."""
        waits = [0]
        for key in keys:
            stats = self._windows.get_window_stats(self._item(key), key)
            if stats.remaining <= 0:
                waits.append(math.ceil(stats.reset_time - time.time()))
        return max(waits)

    async def forget(self, *keys: str) -> None:
        """Start again at zero, after a success."""
        for key in keys:
            self._windows.clear(self._item(key), key)

    def _item(self, key: str) -> RateLimitItemPerSecond:
        return self._items[key.partition(":")[0]]
