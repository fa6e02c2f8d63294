"""`doorward control` and `doorward gateway`: the two processes of an installation."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from doorward.config import DataFolder, load_control
from doorward.entrypoints.cli.init import write_gateway
from doorward.entrypoints.cli.options import DEFAULT_DATA, Data
from doorward.errors import DoorwardError
from doorward.model.ids import is_id

gateway_app = typer.Typer(
    invoke_without_command=True, help="Run a gateway: Envoy, and the process that decides for it."
)


def control(data: Data = DEFAULT_DATA) -> None:
    """Run the control plane until it is told to stop."""
    # Each process imports what it needs and no more: the other's libraries cost memory.
    process = importlib.import_module("doorward.entrypoints.control.process")
    process.run_control(DataFolder(data.absolute()))


@gateway_app.callback()
def gateway(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option("--data", help="The gateway's folder.", file_okay=False)
    ] = DEFAULT_DATA / "gateway",
) -> None:
    """Run a gateway: Envoy, and the process that decides for it."""
    if context.invoked_subcommand is None:
        importlib.import_module("doorward.entrypoints.gateway.main").run_gateway(data)


@gateway_app.command()
def enrol(
    gateway: Annotated[str, typer.Argument(help="A name of its own for the new gateway.")],
    out: Annotated[Path, typer.Option(help="The new folder to fill.", file_okay=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Make the folder that turns another machine into a gateway; it holds secrets."""
    if not is_id(gateway):
        raise DoorwardError(
            "gateway-id-invalid",
            "A gateway is named by letters, digits, `.`, `-` and `_`.",
            "Choose another name.",
        )
    folder = DataFolder(data.absolute())
    write_gateway(folder.keys, gateway, load_control(folder.settings), out.absolute())
    typer.echo(f"{out} is ready. Copy it to the machine, set control_address in gateway.toml,")
    typer.echo("and run there: doorward gateway --data FOLDER")
