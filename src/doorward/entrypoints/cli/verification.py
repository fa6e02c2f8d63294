"""`doorward verification` and `doorward verifier`: verified identities, and who may verify."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_effect,
    print_json,
    print_table,
    printable,
    segment,
)

verification_app = typer.Typer(no_args_is_help=True, help="Verified identities.")
verifier_app = typer.Typer(no_args_is_help=True, help="Who may verify identities.")


@verification_app.command("list")
def list_verifications(
    data: Data = DEFAULT_DATA,
    user: Annotated[str | None, typer.Option(help="All of this person, ended ones too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show verifications in force, the first to run out first."""
    with connect(data) as api:
        found = api.get("/verifications", user=user)
    if as_json:
        print_json(found)
        return
    print_table(
        ("verification", "user", "IAL", "until", "verifier", "state"),
        [
            (
                item["id"],
                item["user"],
                item["ial"],
                local(item["until"]),
                item["verifier"],
                item["end"]["kind"]
                if item["end"]
                else "other name since"
                if item["other_name"]
                else "in force",
            )
            for item in found
        ],
        "Nobody's identity is verified.",
    )


@verification_app.command()
def show(verification: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the record of a verification (OpenID Identity Assurance)."""
    with connect(data) as api:
        found = api.get(f"/verifications/{segment(verification)}")
    if as_json:
        print_json(found)
        return
    end = found["end"]
    for name, value in (
        ("verification", found["id"]),
        ("user", f"{found['user']}, then called {found['account_name']}"),
        ("level", f"IAL{found['ial']}"),
        ("verified", f"{local(found['at'])} by {found['verifier']}"),
        ("until", local(found["until"])),
        ("state", f"{end['kind']} by {end['by']}: {end['reason']}" if end else "in force"),
    ):
        typer.echo(f"{name}: {printable(value)}")
    typer.echo(json.dumps(found["verified_claims"], indent=2))


@verification_app.command()
def revoke(
    verification: str,
    reason: Annotated[str, typer.Option(help="What was found.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """End a verification at once: its person is unproofed again."""
    with connect(data) as api:
        path = f"/verifications/{segment(verification)}/revoke"
        effect = api.post(path, {"reason": reason})
    print_effect(effect, f"{verification} is revoked.", as_json=as_json)


@verifier_app.command("list")
def list_verifiers(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show who has a record of training."""
    with connect(data) as api:
        found = api.get("/verifiers")
    if as_json:
        print_json(found)
        return
    print_table(
        ("user", "trained", "until", "recorded by", "may verify"),
        [
            (
                item["user"],
                local(item["trained_at"]),
                local(item["expires_at"]),
                item["recorded_by"],
                "yes" if item["qualified"] else "no",
            )
            for item in found
        ],
        "Nobody is trained: doorward verifier train USER --until DATE",
    )


@verifier_app.command()
def train(
    user: str,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day from which it is too old.")
    ],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Record that a person was trained to verify others, for a year at most."""
    with connect(data) as api:
        trained = api.put(f"/verifiers/{segment(user)}", {"until": until.date().isoformat()})
    if as_json:
        print_json(trained)
        return
    typer.echo(f"{user} is trained until {local(trained['expires_at'])}.")
    if not trained["qualified"]:
        typer.echo("They do not have the verifiers' role yet: give it to them in the estate.")
