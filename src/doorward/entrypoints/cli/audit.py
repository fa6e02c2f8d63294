"""`doorward audit`: the hash-chained log of administrative acts."""

from __future__ import annotations

from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import connect, local, print_json, print_table

audit_app = typer.Typer(no_args_is_help=True, help="The log of administrative acts.")


@audit_app.command("list")
def list_entries(
    data: Data = DEFAULT_DATA,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest administrative acts."""
    with connect(data) as api:
        entries = api.get("/audit", limit=limit)
    if as_json:
        print_json(entries)
        return
    print_table(
        ("#", "when", "who", "act", "target", "detail"),
        [
            (
                entry["seq"],
                local(entry["at"]),
                entry["actor"],
                entry["act"],
                entry["target"],
                " ".join(f"{key}={value}" for key, value in sorted(entry["detail"].items())),
            )
            for entry in reversed(entries)
        ],
        "Nothing was done yet.",
    )


@audit_app.command()
def verify(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Check the whole chain against its signed end; exit status 1 where it was changed."""
    with connect(data) as api:
        report = api.get("/audit/verify")
    if as_json:
        print_json(report)
    elif report["intact"]:
        typer.echo(f"All {report['entries']} entries are as they were written.")
    else:
        typer.echo(f"CHANGED at entry {report['seq']}: {report['problem']}.")
    if not report["intact"]:
        raise typer.Exit(1)
