"""`doorward token`: bearer credentials of services."""

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

token_app = typer.Typer(no_args_is_help=True, help="Service tokens.")

_DAY_SECONDS = 86400


@token_app.command("list")
def list_tokens(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show service tokens, without their secrets."""
    with connect(data) as api:
        tokens = api.get("/tokens")
    if as_json:
        print_json(tokens)
        return
    print_table(
        ("token", "service", "resources", "issued", "expires"),
        [
            (
                token["id"],
                token["service"],
                " ".join(token["resources"]),
                local(token["issued_at"]),
                local(token["expires_at"]),
            )
            for token in tokens
        ],
        "There is no service token.",
    )


@token_app.command()
def issue(
    service: str,
    resource: Annotated[
        list[str], typer.Option("--resource", help="A resource that it opens; repeat for more.")
    ],
    data: Data = DEFAULT_DATA,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days until it expires.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Print a new bearer token for a service, once."""
    body = {"service": service, "resources": resource, "lifetime_seconds": days * _DAY_SECONDS}
    with connect(data) as api:
        issued = api.post("/tokens", body)
    if as_json:
        print_json(issued)
        return
    typer.echo(issued["bearer"])
    typer.echo(
        f"This is token {issued['id']}. It is shown only now, and expires at "
        f"{local(issued['expires_at'])}.",
        err=True,
    )


@token_app.command()
def revoke(token: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Make a service token worthless."""
    with connect(data) as api:
        effect = api.delete(f"/tokens/{segment(token)}")
    print_effect(effect, f"Token {token} is revoked.", as_json=as_json)
