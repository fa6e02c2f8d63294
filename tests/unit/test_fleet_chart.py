"""The chart of the fleet: what is drawn, and where nothing is."""

from __future__ import annotations

import re

import pytest

from doorward.administrator.fleet.health import FleetSample
from doorward.entrypoints.console.fleet_chart import HEIGHT, RANGES, STACK, WIDTH, chart_of
from tests.fakes.lively_fleet import samples

NOW = 1_795_435_200.0
DAY = 86_400


def sample(hours_ago: float, healthy: int = 6, **fields: int) -> FleetSample:
    numbers = {"unhealthy": 1, "unknown": 2, "silent": 3, "suspended": 1, **fields}
    return FleetSample(at=NOW - hours_ago * 3600, healthy=healthy, **numbers)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]


@pytest.mark.parametrize("found", [[], [sample(1)], [sample(200), sample(190)]])
def test_too_little_is_not_drawn(found: list[FleetSample]) -> None:
    assert chart_of(found, NOW, 1) is None


def test_kinds_stand_one_upon_the_other_and_silent_ones_apart() -> None:
    chart = chart_of([sample(1.0), sample(0.5), sample(0.0)], NOW, 1)
    assert chart is not None
    assert chart.top == 10
    uppers = [points(path)[0][1] for _, path in chart.areas]
    assert [kind for kind, _ in chart.areas] == list(STACK)
    assert uppers == [HEIGHT * (10 - count) / 10 for count in (1, 3, 9, 10)]
    assert {y for _, y in points(chart.line)} == {HEIGHT * 0.7}
    assert points(chart.line)[-1][0] == WIDTH


def test_while_nobody_looked_nothing_is_drawn() -> None:
    chart = chart_of([sample(h / 6) for h in (30, 29, 28, 2, 1, 0)], NOW, 1)
    assert chart is not None
    assert chart.line.count("M") == 2


@pytest.mark.parametrize("days", RANGES.values())
def test_a_month_is_no_longer_than_a_page_can_bear(days: int) -> None:
    chart = chart_of(samples(NOW, 50_000), NOW, days)
    assert chart is not None
    assert sum(len(path) for _, path in chart.areas) < 20_000
    for _, path in chart.areas:
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(path))
    assert len(chart.labels) == 5
    assert 12 <= len(chart.rows) <= 24
    assert chart.rows[0].at == max(item.at for item in chart.rows)


def test_an_empty_fleet_is_a_flat_line() -> None:
    nobody = dict.fromkeys(("unhealthy", "unknown", "silent", "suspended"), 0)
    chart = chart_of([sample(0.2, 0, **nobody), sample(0, 0, **nobody)], NOW, 1)
    assert chart is not None
    assert {y for _, y in points(chart.line)} == {HEIGHT}
