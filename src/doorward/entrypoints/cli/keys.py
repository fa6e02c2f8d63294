"""`doorward keys`: what signs the tokens that applications get."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import connect, local, print_json, print_table

keys_app = typer.Typer(no_args_is_help=True, help="Keys that sign tokens for applications.")


@keys_app.command("list")
def list_keys(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the published keys."""
    with connect(data) as api:
        keys = api.get("/signing-keys")
    _print(keys, as_json=as_json)


@keys_app.command()
def rotate(
    data: Data = DEFAULT_DATA,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Withdraw the former keys now, after a leak.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the next keys: published now, signing in a day."""
    with connect(data) as api:
        keys = api.post("/signing-keys/rotate", {"at_once": at_once})
    _print(keys, as_json=as_json)


def _print(keys: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(keys)
        return
    print_table(
        ("key", "algorithm", "signs from", "signs now"),
        [
            (
                key["id"],
                key["algorithm"],
                local(key["active_from"]),
                "yes" if key["signs"] else "no",
            )
            for key in keys
        ],
        "There is no key yet.",
    )
