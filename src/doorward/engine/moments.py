"""Time as policies see it: whole minutes, and when the next one begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from doorward.model.ids import UnixSeconds

SKEW_SECONDS = 60
"""How far ahead of this clock an authentication may lie and still count as just now."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute on the wall clock of a time zone: `[start, end)` in whole Unix seconds.

    `weekday` is 1 for Monday to 7 for Sunday.
    """

    start: int
    end: int
    minute_of_day: int
    weekday: int


def wall_minute(zone: ZoneInfo, now: UnixSeconds) -> Minute:
    """The minute of `zone` that `now` is in."""
    second = math.floor(now)
    local = datetime.fromtimestamp(second, zone)
    start = second - local.second
    return Minute(start, start + 60, local.hour * 60 + local.minute, local.isoweekday())


def authentication_age(
    authenticated_at: UnixSeconds, now: UnixSeconds
) -> tuple[int | None, UnixSeconds]:
    """Whole minutes since the authentication, and the moment at which that number changes.

    None (unknown) where the authentication lies in the future by more than the skew.
    """
    elapsed = math.floor(now) - math.floor(authenticated_at)
    if elapsed < -SKEW_SECONDS:
        return None, math.floor(authenticated_at) - SKEW_SECONDS
    minutes = max(elapsed, 0) // 60
    return minutes, math.floor(authenticated_at) + 60 * (minutes + 1)
