"""The moments ahead at which what a policy sees of the wall clock can turn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from doorward.model.ids import UnixSeconds

_MINUTES_PER_DAY = 1_440
_HOUR_SECONDS = 3_600


def moments_ahead(
    zone: ZoneInfo, now: UnixSeconds, minutes: frozenset[int], within_seconds: int
) -> tuple[int, ...]:
    """The Unix seconds in `(now, now + within_seconds]` at which an answer can turn, ascending.

    `minutes` are the numbers that the minute of the day is compared with: an answer can turn where
    the minute reaches one or passes it, at midnight, and where the zone's clock is put forward or
    back.
    """
    breakpoints = sorted(
        {0} | {turn for minute in minutes for turn in (minute, minute + 1)} & set(_whole_day())
    )
    found: set[int] = set(_clock_changes(zone, now, within_seconds))
    today = datetime.fromtimestamp(math.floor(now), zone).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None
    )
    for day in range(within_seconds // 86_400 + 2):
        midnight = today + timedelta(days=day)
        for minute in breakpoints:
            local = midnight + timedelta(minutes=minute)
            # The hour that repeats when clocks go back is reached twice.
            for fold in (0, 1):
                found.add(round(local.replace(tzinfo=zone, fold=fold).timestamp()))
    return tuple(sorted(moment for moment in found if now < moment <= now + within_seconds))


def _whole_day() -> range:
    return range(_MINUTES_PER_DAY)


def _clock_changes(zone: ZoneInfo, now: UnixSeconds, within_seconds: int) -> Iterator[int]:
    start = math.floor(now) // 60 * 60
    for earlier in range(start, start + within_seconds + _HOUR_SECONDS, _HOUR_SECONDS):
        low, high = earlier, earlier + _HOUR_SECONDS
        if _offset(zone, low) == _offset(zone, high):
            continue
        while high - low > 60:  # noqa: PLR2004 - seconds in a minute
            middle = (low + high) // 120 * 60
            if _offset(zone, middle) == _offset(zone, low):
                low = middle
            else:
                high = middle
        yield high


def _offset(zone: ZoneInfo, second: int) -> timedelta | None:
    return datetime.fromtimestamp(second, zone).utcoffset()
