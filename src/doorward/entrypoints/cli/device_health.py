"""How a device's health is printed."""

from __future__ import annotations

from typing import Any

import typer

from doorward.entrypoints.cli.output import local, print_table, printable


def last_seen(health: dict[str, Any]) -> str:
    """When the device last reported, in words."""
    if health["last_seen_at"] is None:
        return "never"
    return local(health["last_seen_at"]) + (" (silent)" if health["silent"] else "")


def print_health(found: dict[str, Any], posture: str) -> None:
    """Everything that is known of one device."""
    typer.echo(f"{found['device']} of {found['owner']} is {posture}. {printable(found['reason'])}")
    typer.echo(f"Last report: {last_seen(found)}.")
    if found["suspended"]:
        typer.echo(f"It is suspended: {found['suspended']}.")
    typer.echo("")
    print_table(
        ("fact", "value", "proved", "found at", "by"),
        [
            (
                fact["title"],
                _value(fact),
                fact["trust"],
                local(fact["at"]),
                fact["method"],
            )
            for fact in found["facts"]
        ],
        "It has reported nothing.",
    )
    typer.echo("")
    print_table(
        ("policy", "check", "state", "since", "counts", "what to do"),
        [
            (
                finding["policy"],
                finding["fact"],
                finding["state"],
                local(finding["since"]),
                _counts(finding),
                " ".join(filter(None, (finding["words"], finding["link"]))),
            )
            for finding in found["findings"]
        ],
        "It passes every check.",
    )
    typer.echo("")
    print_table(
        ("at", "became", "because"),
        [
            (local(item["at"]), _BECAME[item["healthy"]], item["findings"])
            for item in found["history"]
        ],
        "Its health has not changed yet.",
    )


_BECAME = {True: "healthy", False: "unhealthy", None: "unknown"}


def _value(fact: dict[str, Any]) -> str:
    value = fact["value"]
    if value is None:
        return f"unknown: {fact['why']}" if fact["why"] else "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)


def _counts(finding: dict[str, Any]) -> str:
    if not finding["enforced"]:
        return "no, report-only"
    return f"from {local(finding['until'])}" if finding["until"] else "yes"
