"""`doorward why`: why a decision was what it was."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_json,
    print_table,
    printable,
    segment,
)


def why(decision: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Say why a decision was what it was: policies, facts and remedies."""
    with connect(data) as api:
        found = api.get(f"/decisions/{segment(decision)}")
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['outcome'].upper()}: {found['title']} ({found['reason']})")
    typer.echo(f"{found['explanation']}\n")
    rows = [
        ("when", local(found["at"])),
        ("who", found["subject"] or "nobody signed in"),
        ("what", f"{found['action']} {found['method']} {found['path']}"),
        ("resource", found["resource"]),
        ("device", found["device"] or "none enrolled"),
        ("address", " ".join(filter(None, (found["address"], found["country"])))),
        ("networks", ", ".join(found["networks"]) or "none"),
        ("session", found["session"] or "none"),
        ("snapshot", found["snapshot"]),
        ("decided by", f"{found['source']} at gateway {found['gateway']}"),
    ]
    if found["decision"] != found["id"]:
        rows.append(("by ticket of", found["decision"]))
    print_table(("", ""), rows, "")
    for policy in found["policy_texts"]:
        place = f" ({policy['file']}:{policy['line']})" if policy["file"] else ""
        typer.echo(f"\nPolicy {printable(policy['id'])}{printable(place)}")
        lines = (policy["text"] or "(it is gone since)").splitlines()
        typer.echo("\n".join(f"  {printable(line)}" for line in lines))
    if found["remedies"]:
        typer.echo("\nWhat would turn it, together:")
        for remedy in found["remedies"]:
            typer.echo(f"  {remedy['kind']}: {printable(remedy['text'])}")
    typer.echo("\nFacts that the policies saw:")
    print_table(("", ""), [(f"  {key}", value) for key, value in _flat(found["facts"])], "  none")


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _flat(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value)) or "none"
    elif path:
        yield path, str(value)
