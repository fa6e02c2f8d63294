"""`doorward recovery`: people who cannot sign in, and vouching for them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason
from doorward.entrypoints.cli.output import connect, local, print_json, print_table, segment

recovery_app = typer.Typer(no_args_is_help=True, help="People who cannot sign in.")


@recovery_app.command("list")
def list_recoveries(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show who waits for a second person's approval; of each person the newest three."""
    with connect(data) as api:
        waiting = api.get("/recoveries")
    if as_json:
        print_json(waiting)
        return
    print_table(
        ("request", "user", "name", "asked", "ends", "from", "tries left"),
        [
            (
                item["id"],
                item["user"],
                item["name"],
                local(item["requested_at"]),
                local(item["expires_at"]),
                item["address"],
                item["tries_left"],
            )
            for item in waiting
        ],
        "Nobody waits.",
    )


@recovery_app.command()
def approve(
    recovery: Annotated[
        str | None, typer.Argument(help="Its id; without one it is found by the code.")
    ] = None,
    data: Data = DEFAULT_DATA,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave what the person could sign in with until now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Approve a request, with the code that the person reads to you; it is asked for.

    Without REQUEST it shows whose code it is, and asks whether that is who speaks to you.
    """
    typer.echo("Make sure by voice, by video or in person that you know who is speaking.", err=True)
    code = typer.prompt("The code that they read to you", err=True)
    with connect(data) as api:
        wanted = recovery or _whose(api.post("/recoveries/find", {"code": code}))
        decided = api.post(f"/recoveries/{segment(wanted)}/approve", {"code": code, "keep": keep})
    if as_json:
        print_json(decided)
        return
    typer.echo(f"Approved: {decided['user']} can go on in the browser that shows the code.")


def _whose(found: list[dict[str, Any]]) -> str:
    """The one that the operator says is spoken for; ends the command where none is."""
    for item in found:
        asked = f"{item['name']} ({item['user']}), asked for at {local(item['requested_at'])}"
        typer.echo(f"It is the code of {asked} from {item['address']}.", err=True)
        if typer.confirm("Is that who speaks to you?", err=True):
            return str(item["id"])
    typer.echo("Nothing is approved.", err=True)
    raise typer.Exit(1)


@recovery_app.command()
def reject(
    recovery: str, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """End a request. The browser that asked is not told."""
    with connect(data) as api:
        decided = api.post(f"/recoveries/{segment(recovery)}/reject", {"reason": reason})
    if as_json:
        print_json(decided)
        return
    typer.echo(f"The request for {decided['user']} is over.")
