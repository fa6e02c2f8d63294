"""The fleet's health over time as a chart: what to draw, in units that the page scales. Pure.

Labels stand beside the drawing, in HTML: the drawing is stretched to its place, and they are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from doorward.administrator.fleet.health import FleetSample
from doorward.model.ids import UnixSeconds

WIDTH, HEIGHT = 1000, 200
RANGES = {"day": 1, "week": 7, "month": 30}
"""The spans of time that can be shown, in days."""

STACK = ("unhealthy", "unknown", "healthy", "suspended")
"""What is drawn one upon the other, from the ground: a few ill devices are seen there best."""

_DAY = 86_400
_POINTS = 160
_LABELS = 5
_GAP_STEPS = 4


@dataclass(frozen=True, slots=True)
class Chart:
    """`areas` are a kind and its outline (SVG path), `line` is that of silent devices.

    `top` is the number of devices at the upper edge, `labels` are times at even distances, and
    `rows` what the chart shows as numbers, a moment each.
    """

    areas: tuple[tuple[str, str], ...]
    line: str
    top: int
    labels: tuple[str, ...]
    rows: tuple[FleetSample, ...]


def chart_of(samples: Sequence[FleetSample], now: UnixSeconds, days: int) -> Chart | None:
    """The chart of the last `days`; None where there is too little to draw."""
    since = now - days * _DAY
    shown = _thinned([item for item in samples if since <= item.at <= now], since, days)
    if len(shown) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    top = _ceiling(max(_heights(item)[-1] for item in shown))
    drawing = _Drawing(since, days * _DAY, top)
    runs = list(_runs(shown, days * _DAY / _POINTS * _GAP_STEPS))
    areas = tuple(
        (kind, "".join(drawing.area(run, level) for run in runs))
        for level, kind in enumerate(STACK)
    )
    line = "".join(drawing.line([(item.at, item.silent) for item in run]) for run in runs)
    return Chart(areas, line, top, _labels(since, days), _rows(shown))


@dataclass(frozen=True, slots=True)
class _Drawing:
    since: UnixSeconds
    seconds: float
    top: int

    def area(self, run: Sequence[FleetSample], level: int) -> str:
        upper = [(item.at, _heights(item)[level]) for item in run]
        lower = [(item.at, _heights(item)[level - 1] if level else 0) for item in run]
        points = [*upper, *reversed(lower)]
        return f"M{' '.join(self._point(*point) for point in points)}Z"

    def line(self, points: Sequence[tuple[UnixSeconds, int]]) -> str:
        return f"M{' '.join(self._point(*point) for point in points)}"

    def _point(self, at: UnixSeconds, count: int) -> str:
        x = (at - self.since) * WIDTH / self.seconds
        return f"{x:.0f},{HEIGHT - count * HEIGHT / self.top:.1f}"


def _heights(sample: FleetSample) -> tuple[int, ...]:
    """How high each of `STACK` reaches."""
    return tuple(accumulate((sample.unhealthy, sample.unknown, sample.healthy, sample.suspended)))


def _thinned(samples: Sequence[FleetSample], since: UnixSeconds, days: int) -> list[FleetSample]:
    """The last sample of each step: more than the eye tells apart is not sent."""
    step = days * _DAY / _POINTS
    return list({int((item.at - since) // step): item for item in samples}.values())


def _runs(samples: Sequence[FleetSample], gap_seconds: float) -> Iterator[Sequence[FleetSample]]:
    """Without a break each: while nobody looked, nothing is drawn."""
    start = 0
    for place in range(1, len(samples) + 1):
        if place == len(samples) or samples[place].at - samples[place - 1].at > gap_seconds:
            if place - start > 1:
                yield samples[start:place]
            start = place


def _ceiling(most: int) -> int:
    """A round number that is even, and no less than `most`."""
    step = 2 * int(10 ** max(len(str(most)) - 2, 0))
    return max(-(-most // step) * step, 2)


def _labels(since: UnixSeconds, days: int) -> tuple[str, ...]:
    form = "%H:%M" if days == 1 else "%a %d %b" if days <= RANGES["week"] else "%d %b"
    step = days * _DAY / (_LABELS - 1)
    moments = [datetime.fromtimestamp(since + step * place, UTC) for place in range(_LABELS)]
    return tuple(moment.strftime(form) for moment in moments)


def _rows(samples: Sequence[FleetSample]) -> tuple[FleetSample, ...]:
    step = max(len(samples) // 12, 1)
    return tuple(samples[::-1][::step])
