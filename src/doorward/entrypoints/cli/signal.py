"""`doorward signal`: who is told of what happens here."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason
from doorward.entrypoints.cli.output import connect, local, print_json, print_table, segment

signal_app = typer.Typer(no_args_is_help=True, help="Security events, to and from others.")

StreamId = Annotated[str, typer.Argument(help="As `doorward signal streams` shows it.")]


@signal_app.command()
def streams(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List event streams: whose they are, what waits on them, and what is wrong."""
    with connect(data) as api:
        found = api.get("/signals/streams")
    if as_json:
        print_json(found)
        return
    print_table(
        ("stream", "receiver", "delivery", "status", "waiting", "last heard", "last error"),
        [
            (
                item["id"],
                item["receiver"],
                item["url"] or item["delivery"],
                item["status"],
                item["waiting"],
                local(item["heard_at"]) if item["heard_at"] else "never",
                item["last_error"],
            )
            for item in found
        ],
        "There is no event stream: no service has asked for one.",
    )


@signal_app.command()
def pause(
    stream: StreamId, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Hold events back. The receiver is told so, with your reason."""
    _tell(_set(data, stream, "pause", reason), as_json=as_json)


@signal_app.command()
def resume(
    stream: StreamId, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """Send what was held back, and go on."""
    _tell(_set(data, stream, "resume", reason), as_json=as_json)


@signal_app.command()
def remove(stream: StreamId, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """End a stream, and forget what waits on it."""
    with connect(data) as api:
        gone = api.delete(f"/signals/streams/{segment(stream)}")
    if as_json:
        print_json(gone)
        return
    typer.echo(f"The stream {gone['id']} is gone. Its receiver may make another.")


def _set(data: Data, stream: str, what: str, reason: str) -> dict[str, Any]:
    with connect(data) as api:
        found: dict[str, Any] = api.post(
            f"/signals/streams/{segment(stream)}/{what}", {"reason": reason}
        )
    return found


def _tell(stream: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(stream)
        return
    typer.echo(f"The stream {stream['id']} is {stream['status']}; {stream['waiting']} wait on it.")
