"""Runs: the rows of a scheduled query, put together from what changed between its runs.

doorward schedules snapshots, which hold all rows. Where osqueryd sends differences all the same
(an older configuration, a pack of its own), they count only from a first run on (`counter` 0)
that came in the same epoch: without it nobody knows which rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.protocol.osquery import MAX_LINE_BYTES, Line, Row, number, row_of, rows_of

MAX_ROWS = 512
MAX_RUN_CHARACTERS = 4 * MAX_LINE_BYTES
"""Of names and cells together: a host's rows stay in memory for as long as it reports."""


@dataclass(frozen=True, slots=True)
class Run:
    """All rows of a query after the run `counter` of `epoch`, which was at `at`."""

    at: float
    epoch: float
    counter: float
    rows: tuple[Row, ...]


def run_after(before: Run | None, line: Line) -> Run | None:
    """The rows after `line`; None where they cannot be told."""
    at, epoch, counter = number(line.unix_time), number(line.epoch), number(line.counter)
    if at is None or epoch is None or counter is None or _longest(line) > MAX_ROWS:
        return None
    if line.snapshot is not None:
        return _bounded(at, epoch, counter, rows_of(line.snapshot))
    change = _change(line)
    if change is None:
        return None
    added, removed = change
    if counter == 0:
        # Each row of a first run may have a line of its own.
        same = before is not None and (before.at, before.epoch, before.counter) == (at, epoch, 0)
        rows = before.rows if before is not None and same else ()
        return _bounded(at, epoch, counter, [*_without(rows, added), *added])
    if before is None or before.epoch != epoch or counter < before.counter or at < before.at:
        return None
    kept = _without(before.rows, [*removed, *added])
    return _bounded(at, epoch, counter, [*kept, *added])


def _without(rows: Sequence[Row], gone: Sequence[Row]) -> list[Row]:
    """The rows but those of `gone`."""
    found = {frozenset(row.items()) for row in gone}
    return [row for row in rows if frozenset(row.items()) not in found]


def _longest(line: Line) -> int:
    """How many rows its longest list has: told before anything looks through them."""
    found = [line.snapshot or ()]
    if line.diff_results is not None:
        found += [line.diff_results.added, line.diff_results.removed]
    return max(map(len, found))


def _change(line: Line) -> tuple[Sequence[Row], Sequence[Row]] | None:
    """The rows that came and those that went."""
    if line.diff_results is not None:
        return rows_of(line.diff_results.added), rows_of(line.diff_results.removed)
    if line.columns is None:
        return None
    row = row_of(line.columns)
    return {"added": ([row], []), "removed": ([], [row])}.get(line.action)


def _bounded(at: float, epoch: float, counter: float, rows: Sequence[Row]) -> Run | None:
    if len(rows) > MAX_ROWS:
        return None
    size = sum(len(name) + len(cell) for row in rows for name, cell in row.items())
    return Run(at, epoch, counter, tuple(rows)) if size <= MAX_RUN_CHARACTERS else None
