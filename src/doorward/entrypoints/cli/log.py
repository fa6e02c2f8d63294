"""`doorward log`: search and follow the decision log."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorward.adapters import clock
from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import connect, local, print_json, printable
from doorward.errors import DoorwardError

if TYPE_CHECKING:
    from doorward.adapters.api_client import ApiClient

_POLL_SECONDS = 0.5
_MAX_PAGE = 1000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d{1,6})([smhd])")

_Exact = dict[str, str | int | None]


def log(
    data: Data = DEFAULT_DATA,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new ones.")] = False,
    subject: Annotated[str | None, typer.Option(help="A user's id, or service:ID.")] = None,
    resource: Annotated[str | None, typer.Option(help="A resource's id.")] = None,
    session: Annotated[str | None, typer.Option(help="A session's id.")] = None,
    outcome: Annotated[str | None, typer.Option(help="allow or deny.")] = None,
    reason: Annotated[str | None, typer.Option(help="A reason code.")] = None,
    source: Annotated[str | None, typer.Option(help="engine, ticket or stream.")] = None,
    since: Annotated[
        str | None, typer.Option(help="A span such as 15m, 2h or 1d, or an RFC 3339 moment.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MAX_PAGE, help="How many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Search and follow the decision log. With --follow, --json prints one object a line."""
    wanted: _Exact = {
        "subject": subject,
        "resource": resource,
        "session": session,
        "outcome": outcome,
        "reason": reason,
        "source": source,
        "since": None if since is None else _moment(since),
    }
    with connect(data) as api:
        page = api.get("/decisions", **wanted, limit=limit)
        if as_json and not follow:
            print_json(page)
            return
        newest_last = page["decisions"][::-1]
        for decision in newest_last:
            _print_line(decision, as_json=as_json)
        if not follow:
            if not newest_last:
                typer.echo("No decision matches.")
            return
        seen = max((decision["seq"] for decision in newest_last), default=0)
        for decision in _following(api, wanted, seen):
            _print_line(decision, as_json=as_json)


def _following(api: ApiClient, wanted: _Exact, seen: int) -> Iterator[dict[str, Any]]:
    """Every decision after `seen`, oldest first, until Ctrl-C; none is left out in a burst.

    The signal is noted, not raised: an exception that comes up in a destructor would be lost.
    """
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    while not stop.is_set():
        burst: list[dict[str, Any]] = []
        before: int | None = None
        while True:
            page = api.get("/decisions", **wanted, after=seen, before=before, limit=_MAX_PAGE)
            burst.extend(page["decisions"])
            before = page["before"]
            if before is None:
                break
        yield from reversed(burst)
        seen = max((decision["seq"] for decision in burst), default=seen)
        stop.wait(_POLL_SECONDS)


def _print_line(decision: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(decision)
        return
    typer.echo(
        f"{local(decision['at'])}  {decision['outcome']:<5}  "
        f"{printable(decision['subject'] or '-'):<16}  {printable(decision['resource']):<12}  "
        f"{decision['action']:<5}  {printable(decision['method'])} {printable(decision['path'])}  "
        f"{decision['reason']}  {decision['source']}  {decision['id']}"
    )


def _moment(text: str) -> str:
    span = _SPAN.fullmatch(text)
    if span is not None:
        seconds = int(span[1]) * _UNITS[span[2]]
        return datetime.fromtimestamp(clock.now() - seconds, UTC).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DoorwardError(
            "request-invalid",
            f"{printable(text)} is not a time.",
            "Write a span such as 15m, 2h or 1d, or a moment such as 2026-11-23T09:00:00Z.",
        ) from None
    return (moment if moment.tzinfo else moment.astimezone()).isoformat()
