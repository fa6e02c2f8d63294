"""Take what a host answered: lines of its schedule's log, and distributed queries.

What was not asked, is malformed, of another host or of an unbelievable time means nothing: it is
counted and left out, and the rest counts. Of a query the latest answer wins, whatever the order in
which answers come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from doorward.administrator.osquery.facts.table import QUERIES, Query, facts_of, failed
from doorward.administrator.osquery.hosts import KnownHost
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.osquery.runs import MAX_ROWS, run_after
from doorward.administrator.osquery.schedule import WHO
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact, Trust
from doorward.protocol.osquery import Line, Log, Row, Written, decoded, number, rows_of

MAX_LINES: Final = 1024
CLOCK_TOLERANCE_SECONDS: Final = 300
OLDEST_SECONDS: Final = 86_400
"""No fact is good for longer: a host that was away sends its backlog first."""

_log = structlog.get_logger(__name__)


class _Answered(NamedTuple):
    """The rows of a query at a time; None where it failed."""

    query: Query
    at: UnixSeconds
    rows: Sequence[Row] | None


async def take_log(osquery: Osquery, known: KnownHost, log: Log, now: UnixSeconds) -> None:
    """Lines of a log. Status lines are osquery's own diary: accepted, and dropped."""
    lines = [] if isinstance(log.data, str) or log.log_type != "result" else log.data
    known.ignored += len(lines[MAX_LINES:])
    answers = [_of_line(known, raw, now) for raw in lines[:MAX_LINES]]
    await _take(osquery, known, [answer for answer in answers if answer is not None], now)


async def take_written(
    osquery: Osquery, known: KnownHost, written: Written, now: UnixSeconds
) -> None:
    """Results of distributed queries; those that failed make their facts unknown."""
    queries = {} if isinstance(written.queries, str) else written.queries
    statuses = {} if isinstance(written.statuses, str) else written.statuses
    if not _same_machine(known, rows_of(queries.get(WHO, []))):
        known.ignored += len(queries)
        return
    answers = []
    for name in {*queries, *statuses} - {WHO}:
        query = QUERIES.get(name)
        if query is None or known.asked.pop(name, None) is None:
            known.ignored += 1
            continue
        rows = rows_of(queries.get(name, []))
        good = number(statuses.get(name, 0)) == 0 and name in queries and len(rows) <= MAX_ROWS
        answers.append(_Answered(query, now, rows if good else None))
    await _take(osquery, known, answers, now)


def _same_machine(known: KnownHost, rows: Sequence[Row]) -> bool:
    """Whether the machine is the one that enrolled, as far as it says which one it is.

    A copy of a disk holds the node key as well, and only this tells it from the machine itself.
    """
    enrolled = known.record.hardware_uuid
    return not enrolled or all(row.get("uuid", enrolled) == enrolled for row in rows)


def _of_line(known: KnownHost, raw: msgspec.Raw, now: UnixSeconds) -> _Answered | None:
    try:
        line = decoded(bytes(raw), Line)
    except DoorwardError:
        known.ignored += 1
        return None
    query, at = QUERIES.get(line.name), number(line.unix_time)
    run = None
    if (
        query is not None
        and at is not None
        and now - OLDEST_SECONDS < at <= now + CLOCK_TOLERANCE_SECONDS
        and line.host_identifier in {"", known.record.identifier}
    ):
        run = run_after(known.runs.get(line.name), line)
    if query is None or at is None or run is None:
        known.ignored += 1
        return None
    known.runs[line.name] = run
    return _Answered(query, min(at, now), run.rows)


async def _take(
    osquery: Osquery, known: KnownHost, answers: Sequence[_Answered], now: UnixSeconds
) -> None:
    latest: dict[str, _Answered] = {}
    for answer in answers:
        before = latest.get(answer.query.name)
        since = before.at if before else known.answered.get(answer.query.name, 0.0)
        if answer.at >= since:
            latest[answer.query.name] = answer
        else:
            known.ignored += 1
    known.answered.update((name, answer.at) for name, answer in latest.items())
    device = device_of(osquery, known)
    if device is not None and latest:
        facts = [fact for answer in latest.values() for fact in _facts(answer)]
        await _hand_over(osquery, device, facts, now)


def _facts(answer: _Answered) -> Sequence[Fact]:
    if answer.rows is None:
        return failed(answer.query, answer.at)
    return facts_of(answer.query, answer.rows, answer.at)


def device_of(osquery: Osquery, known: KnownHost) -> DeviceId | None:
    """The device that the host's facts are of; None where it is nobody's, or another by now."""
    record = known.record
    if record.state != "assigned" or record.device is None:
        return None
    found = osquery.control.live.current.devices.get(record.device)
    return found.id if found is not None and found.key == record.device_key else None


async def _hand_over(
    osquery: Osquery, device: DeviceId, facts: Sequence[Fact], now: UnixSeconds
) -> None:
    """What is known better already refuses one fact, and not those beside it."""
    try:
        await osquery.take_facts(osquery.fleet, device, facts, Trust.SELF_REPORTED, now)
    except DoorwardError as error:
        if error.code != "facts-implausible":
            raise
        if len(facts) == 1:
            _log.info("osquery-fact-left", device=device, fact=facts[0].name, why=error.detail)
            return
        for fact in facts:
            await _hand_over(osquery, device, [fact], now)
