"""`doorward client`: applications that sign people in by OpenID Connect."""

from __future__ import annotations

from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_effect,
    print_json,
    print_table,
    segment,
)

client_app = typer.Typer(
    no_args_is_help=True, help="Applications that sign people in by OpenID Connect."
)

_HOUR_SECONDS = 3600


@client_app.command("list")
def list_clients(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the applications, without their secrets."""
    with connect(data) as api:
        clients = api.get("/clients")
    if as_json:
        print_json(clients)
        return
    print_table(
        ("client", "name", "resource", "kind", "secrets", "signed in"),
        [
            (
                client["id"],
                client["name"],
                client["resource"],
                "public" if client["public"] else "confidential",
                client["secrets"],
                client["sessions"],
            )
            for client in clients
        ],
        "The estate declares no client.",
    )


@client_app.command()
def secret(
    client: str,
    data: Data = DEFAULT_DATA,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="Hours for which the former secret still holds.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Print a new secret for an application, once."""
    with connect(data) as api:
        made = api.post(
            f"/clients/{segment(client)}/secret",
            {"former_hold_seconds": overlap_hours * _HOUR_SECONDS},
        )
    if as_json:
        print_json(made)
        return
    typer.echo(made["secret"])
    held = f"for {overlap_hours} h more" if overlap_hours else "no longer"
    typer.echo(
        f"This is the secret of {client}. It is shown only now; a former one holds {held}.",
        err=True,
    )


@client_app.command("sessions")
def list_client_sessions(
    data: Data = DEFAULT_DATA,
    client: Annotated[str | None, typer.Option(help="Only to this application.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who is signed in to which application."""
    with connect(data) as api:
        client_sessions = api.get("/client-sessions", client=client)
    if as_json:
        print_json(client_sessions)
        return
    print_table(
        ("sign-in", "client", "person", "since", "session"),
        [
            (item["sid"], item["client"], item["user"], local(item["since"]), item["session"])
            for item in client_sessions
        ],
        "Nobody is signed in to an application.",
    )


@client_app.command()
def end(sign_in: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """End one sign-in to one application; the session stays."""
    with connect(data) as api:
        effect = api.delete(f"/client-sessions/{segment(sign_in)}")
    print_effect(effect, f"Sign-in {sign_in} is ended.", as_json=as_json)
