"""`doorward control` and `doorward gateway`: the two processes of an installation."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, Data

GATEWAY_FOLDER = Annotated[
    Path, typer.Option("--data", help="The gateway's folder.", file_okay=False)
]


def control(data: Data = DEFAULT_DATA) -> None:
    """Run the control plane until it is told to stop."""
    # Each process imports what it needs and no more: the other's libraries cost memory.
    process = importlib.import_module("doorward.entrypoints.control.process")
    folder = importlib.import_module("doorward.config").DataFolder(data.absolute())
    process.run_control(folder)


def gateway(data: GATEWAY_FOLDER = DEFAULT_DATA / "gateway") -> None:
    """Run a gateway: Envoy, and the process that decides for it."""
    importlib.import_module("doorward.entrypoints.gateway.main").run_gateway(data)
