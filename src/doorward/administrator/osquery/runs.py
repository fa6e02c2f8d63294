"""Runs: the rows of a scheduled query, put together from what changed between its runs.

doorward schedules snapshots, which hold all rows. Where osqueryd sends differences all the same
(an older configuration, a pack of its own), they count only from a first run on (`counter` 0)
that came in the same epoch: without it nobody knows which rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.protocol.osquery import Line, Row, number, row_of, rows_of

MAX_ROWS = 512


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
    if at is None or epoch is None or counter is None:
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
        return _bounded(at, epoch, counter, [*(row for row in rows if row not in added), *added])
    if before is None or before.epoch != epoch or counter < before.counter or at < before.at:
        return None
    kept = [row for row in before.rows if row not in removed and row not in added]
    return _bounded(at, epoch, counter, [*kept, *added])


def _change(line: Line) -> tuple[Sequence[Row], Sequence[Row]] | None:
    """The rows that came and those that went."""
    if line.diff_results is not None:
        return rows_of(line.diff_results.added), rows_of(line.diff_results.removed)
    if line.columns is None:
        return None
    row = row_of(line.columns)
    return {"added": ([row], []), "removed": ([], [row])}.get(line.action)


def _bounded(at: float, epoch: float, counter: float, rows: Sequence[Row]) -> Run | None:
    return Run(at, epoch, counter, tuple(rows)) if len(rows) <= MAX_ROWS else None
