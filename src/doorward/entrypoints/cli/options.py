"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path, typer.Option("--data", help="The data folder.", show_default=True, file_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

DEFAULT_DATA = Path("data")
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]
Risk = Annotated[int, typer.Argument(min=0, max=100, help="0 (none) to 100.")]
