"""A device's health over time, as a strip of spans from left to right. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.administrator.fleet.health import HealthChange
from doorward.model.ids import UnixSeconds

WIDTH = 1000
"""Units from one end of the strip to the other."""
DAYS = 30
_DAY = 86_400
_NAMES = {True: "healthy", False: "unhealthy", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Span:
    """`kind` is healthy, unhealthy or unknown; `x` and `width` are in units."""

    kind: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Strip:
    """The last `DAYS` days. `shares` are whole percents of the time that there is a record of."""

    spans: tuple[Span, ...]
    since: UnixSeconds
    shares: tuple[tuple[str, int], ...]


def strip_of(changes: Sequence[HealthChange], now: UnixSeconds) -> Strip:
    """`changes` are the newest first; what was before the oldest of them is left blank."""
    since = now - DAYS * _DAY
    spans: list[Span] = []
    lasted = dict.fromkeys(_NAMES.values(), 0.0)
    end = now
    for change in changes:
        start = max(min(change.at, now), since)
        if start < end:
            kind = _NAMES[change.healthy]
            lasted[kind] += end - start
            left, right = _unit(start, since), _unit(end, since)
            spans.append(Span(kind, left, max(right - left, 1)))
            end = start
        if change.at <= since:
            break
    spans.reverse()
    whole = sum(lasted.values())
    shares = [(kind, round(100 * seconds / whole)) for kind, seconds in lasted.items() if seconds]
    return Strip(tuple(spans), since, tuple(shares))


def _unit(at: UnixSeconds, since: UnixSeconds) -> int:
    return round((at - since) * WIDTH / (DAYS * _DAY))
