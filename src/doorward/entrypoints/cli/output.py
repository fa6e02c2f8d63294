"""What commands print: tables for people, JSON for programs, and never a control character."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import typer

from doorward.config import DataFolder

if TYPE_CHECKING:
    from doorward.adapters.api_client import ApiClient

_PIPE_COLUMNS = 240


def connect(data: Path) -> ApiClient:
    """The API of the control plane whose data folder this is."""
    from doorward.adapters.api_client import ApiClient

    return ApiClient(DataFolder(data.absolute()).api_socket)


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def printable(value: object) -> str:
    """`value` for a terminal: what a stranger sent must not steer it (CWE-150)."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}"
        for character in str(value)
    )


def print_json(value: object) -> None:
    """One JSON value on one line."""
    typer.echo(json.dumps(value))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str, *, aside: bool = False
) -> None:
    """A table, or the sentence `empty` where there is no row.

    `aside` prints on standard error, where the output proper is one secret line.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if table.row_count:
        width = None if sys.stdout.isatty() else _PIPE_COLUMNS
        Console(width=width, highlight=False, stderr=aside).print(table)
    else:
        typer.echo(empty, err=aside)


def print_effect(effect: dict[str, Any], done: str, *, as_json: bool) -> None:
    """What came of a change."""
    if as_json:
        print_json(effect)
    elif effect["enforced"]:
        typer.echo(f"{done} Every gateway enforces it (snapshot {effect['number']}).")
    else:
        typer.echo(
            f"{done} Not every gateway has said yet that it enforces it "
            f"(snapshot {effect['number']}); see doorward status."
        )


def local(moment: str) -> str:
    """An RFC 3339 moment in this machine's time zone, to the second, with the zone."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
