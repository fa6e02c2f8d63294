"""Moments as people read them: with their zone, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from doorward.model.ids import UnixSeconds

_SPANS = ((86400 * 2, 86400, "day"), (3600 * 2, 3600, "h"), (60, 60, "min"), (0, 1, "s"))


def iso(at: UnixSeconds) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(at: UnixSeconds, zone: str = "UTC") -> str:
    """`2026-11-23 09:41:02 UTC`."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def day(at: UnixSeconds, zone: str = "UTC") -> str:
    """`23 Nov 2026, 09:41`: for pages that say elsewhere what the zone is."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def appointment(at: UnixSeconds, zone: str) -> str:
    """`Monday 23 November, 09:00 CET`."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B, %H:%M %Z}"


def ago(at: UnixSeconds, now: UnixSeconds) -> str:
    """`3 min ago`, `in 2 h`, `now`."""
    seconds = abs(now - at)
    if seconds < 1:
        return "now"
    size, unit = next((size, unit) for least, size, unit in _SPANS if seconds >= least)
    count = int(seconds // size)
    plural = "s" if unit == "day" and count != 1 else ""
    span = f"{count} {unit}{plural}"
    return f"in {span}" if at > now else f"{span} ago"
