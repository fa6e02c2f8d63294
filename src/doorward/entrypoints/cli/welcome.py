"""Runs beside `doorward up` at its start: waits, applies the demo estate, says where to go.

Usage: python -m doorward.entrypoints.cli.welcome DATA [--demo]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import typer

from doorward.config import DataFolder
from doorward.entrypoints.cli import demo as demo_estate
from doorward.entrypoints.cli.estate import read_folder
from doorward.entrypoints.cli.output import connect
from doorward.entrypoints.cli.status import read_status
from doorward.entrypoints.explained import explained
from doorward.errors import DoorwardError

_START_SECONDS = 60.0
_ASK_SECONDS = 0.1


def welcome(folder: DataFolder, *, demo: bool) -> None:
    """Return once doorward is well and has said so. Raises `not-started`."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        found = read_status(folder.root)
        if demo and found.get("snapshot") == 0:
            _apply_demo(folder)
        elif found["ok"]:
            break
        if time.monotonic() > deadline:
            raise DoorwardError(
                "not-started",
                f"doorward is not well after {_START_SECONDS:.0f} s: "
                f"{'; '.join(found['problems'])}",
                f"Read the logs in {folder.logs}.",
            )
        time.sleep(_ASK_SECONDS)
    typer.echo("doorward is up.")
    for name, address in found["addresses"].items():
        if address.startswith("http"):
            typer.echo(f"  {name:16} {address}")
    if demo:
        _invite(folder)
    sys.stdout.flush()


def _apply_demo(folder: DataFolder) -> None:
    estate = demo_estate.copy_estate(folder)
    with connect(folder.root) as api:
        api.post("/estate/apply", {"files": read_folder(estate)})


def _invite(folder: DataFolder) -> None:
    """Print an invitation while the demo's first person has no way to sign in."""
    person = demo_estate.FIRST_PERSON
    with connect(folder.root) as api:
        if person not in {user["id"] for user in api.get("/users")}:
            return
        held = api.get(f"/users/{person}/credentials")
        if held["passkeys"] or held["password"]:
            return
        link = api.post(f"/users/{person}/invitation")["link"]
    typer.echo(f"Open this invitation for {person} in a browser on this machine:")
    typer.echo(f"  {link}")


if __name__ == "__main__":
    _folder = DataFolder(Path(sys.argv[1]))
    sys.exit(explained(lambda: welcome(_folder, demo="--demo" in sys.argv[2:])))
