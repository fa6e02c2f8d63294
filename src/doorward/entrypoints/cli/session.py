"""`doorward session`: who is signed in, and ending it."""

from __future__ import annotations

from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason, Risk
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_effect,
    print_json,
    print_table,
    segment,
)

session_app = typer.Typer(no_args_is_help=True, help="Sign-ins.")


@session_app.command("list")
def list_sessions(
    data: Data = DEFAULT_DATA,
    user: Annotated[str | None, typer.Option(help="Only this person's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who is signed in."""
    with connect(data) as api:
        sessions = api.get("/sessions", user=user)
    if as_json:
        print_json(sessions)
        return
    print_table(
        ("session", "user", "signed in", "confirmed", "ends", "by", "address", "risk"),
        [
            (
                session["id"],
                session["user"],
                local(session["started_at"]),
                local(session["authenticated_at"]),
                local(session["expires_at"]),
                "+".join(session["methods"]),
                session["address"],
                session["risk"],
            )
            for session in sessions
        ],
        "Nobody is signed in.",
    )


@session_app.command()
def revoke(session: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """End one sign-in, with its open streams."""
    with connect(data) as api:
        effect = api.delete(f"/sessions/{segment(session)}")
    print_effect(effect, f"Session {session} is revoked.", as_json=as_json)


@session_app.command()
def risk(
    session: str,
    risk: Risk,
    data: Data = DEFAULT_DATA,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Signal how risky one sign-in is."""
    with connect(data) as api:
        effect = api.put(f"/sessions/{segment(session)}/risk", {"risk": risk, "reason": reason})
    print_effect(effect, f"Session {session} has risk {risk}.", as_json=as_json)
