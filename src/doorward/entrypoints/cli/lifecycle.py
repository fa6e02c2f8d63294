"""`doorward user join`, `move`, `leave`, `handover`: people come, change their work, and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_effect,
    print_json,
    print_table,
    segment,
)

_MISSING = {
    "credential": "no way to sign in yet: the invitation makes one",
    "verified-address": "the e-mail address is not verified",
    "verified-identity": "the identity is not verified",
    "device": "no device is enrolled",
}
_OWNED = ("resources", "services", "policies", "cases")


def join(
    user: str,
    data: Data = DEFAULT_DATA,
    mail: Annotated[bool, typer.Option("--mail", help="Send the link by mail too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Invite a person, and show what they will reach and what is still missing."""
    with connect(data) as api:
        joined = api.post(f"/users/{segment(user)}/join", {"mail": mail})
    if as_json:
        print_json(joined)
        return
    typer.echo(joined["link"])
    sent = " It was sent by mail." if joined["mailed"] else ""
    unsent = " It could not be sent by mail." if mail and not joined["mailed"] else ""
    typer.echo(f"It works once, until {local(joined['expires_at'])}.{sent}{unsent}", err=True)
    print_table(
        ("resource", "action", "opens"),
        [(item["resource"], item["action"], _opens(item)) for item in joined["reach"]],
        f"No policy lets {user} reach anything yet.",
        aside=True,
    )
    for missing in joined["missing"]:
        typer.echo(f"Missing: {_MISSING[missing]}.", err=True)


def move(
    user: str,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="A group that the person is to be in; repeat for more."),
    ] = None,
    data: Data = DEFAULT_DATA,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a person gains and loses in other groups, then put them there."""
    wanted = group or []
    path = f"/users/{segment(user)}"
    with connect(data) as api:
        found = api.post(f"{path}/move", {"groups": wanted})
        effect = None if dry_run else api.put(f"{path}/groups", {"groups": wanted})
    if as_json:
        print_json({"moves": found, "effect": effect})
        return
    print_table(
        ("", "resource", "action", "before", "after"),
        [
            (
                "gains" if item["gained"] else "loses",
                item["resource"],
                item["action"],
                _opens(item["before"]),
                _opens(item["after"]),
            )
            for item in found
        ],
        f"{user} reaches the same as before.",
    )
    if effect is not None:
        done = f"{user} is in {', '.join(wanted) or 'no group'}."
        print_effect(effect, done, as_json=False)


def leave(
    user: str, data: Data = DEFAULT_DATA, reason: Reason = "", as_json: AsJson = False
) -> None:
    """End everything that a person could use, and list what they owned."""
    with connect(data) as api:
        left = api.post(f"/users/{segment(user)}/leave", {"reason": reason})
    if as_json:
        print_json(left)
        return
    ended = ", ".join(f"{item['what']} {item['count']}" for item in left["ended"] if item["count"])
    print_effect(left["effect"], f"{user} has left. Ended: {ended or 'nothing'}.", as_json=False)
    _print_owned([left["owned"]], f"{user} owned nothing: there is nothing to hand over.")


def handover(
    user: Annotated[str | None, typer.Argument(help="Whose; without it, of all who left.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List what a person owns, or everything whose owner has left."""
    with connect(data) as api:
        if user is None:
            owned = api.get("/handover")
        else:
            owned = [api.get(f"/users/{segment(user)}/handover")]
    if as_json:
        print_json(owned)
        return
    _print_owned(owned, "There is nothing to hand over.")


def _opens(item: Mapping[str, Any]) -> str:
    if item["open"]:
        return "open"
    return f"after {', '.join(item['needs'])}" if item["needs"] else "closed"


def _print_owned(owned: Iterable[Mapping[str, Any]], empty: str) -> None:
    rows = [
        (item["user"], kind.removesuffix("s").replace("policie", "policy"), name)
        for item in owned
        for kind in _OWNED
        for name in item[kind]
    ]
    print_table(("of", "what", "id"), rows, empty)
