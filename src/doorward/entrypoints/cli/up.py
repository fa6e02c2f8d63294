"""`doorward up`: a whole doorward on one machine."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from doorward.config import ControlSettings, DataFolder, load_control
from doorward.entrypoints.cli import demo as demo_estate
from doorward.entrypoints.cli.estate import read_folder
from doorward.entrypoints.cli.init import DEFAULT_DOMAIN, DEFAULT_PORT, initialise
from doorward.entrypoints.cli.options import DEFAULT_DATA, Data
from doorward.entrypoints.cli.output import connect
from doorward.entrypoints.cli.status import read_status
from doorward.errors import DoorwardError

_START_SECONDS = 60.0
_ASK_SECONDS = 0.1


def up(
    data: Data = DEFAULT_DATA,
    demo: Annotated[bool, typer.Option("--demo", help="With the demo estate.")] = False,
    port: Annotated[
        int | None, typer.Option(help="The first of four ports, for a new data folder.")
    ] = None,
) -> None:
    """Run everything on this machine, and keep it running."""
    folder = DataFolder(data.absolute())
    if not folder.settings.exists():
        initialise(folder, domain=DEFAULT_DOMAIN, port=port or DEFAULT_PORT, organisation="example")
    settings = load_control(folder.settings)
    first_port = _first_port(settings)
    if port is not None and port != first_port:
        raise DoorwardError(
            "port-differs",
            f"{data} was made for port {first_port}, not {port}.",
            "Leave --port out, name another --data, or change doorward.toml and gateway.toml.",
        )
    _only_one(folder)
    _require_free(settings, demo_estate.application_ports(first_port) if demo else [])
    folder.logs.mkdir(mode=0o700, exist_ok=True)
    # This process has loaded the whole command line; what stays behind should be small.
    plan = json.dumps(_plan(folder, first_port, demo=demo))
    supervisor = [sys.executable, "-m", "doorward.entrypoints.supervisor", plan]
    os.execv(sys.executable, supervisor)  # noqa: S606 - our own interpreter


def welcome(
    data: Data = DEFAULT_DATA,
    demo: Annotated[bool, typer.Option("--demo", help="With the demo estate.")] = False,
) -> None:
    """Wait until doorward is well, apply the demo estate once, and say where to go."""
    folder = DataFolder(data.absolute())
    deadline = time.monotonic() + _START_SECONDS
    applied = not demo or (folder.root / "estate").exists()
    while True:
        found = read_status(data)
        if "snapshot" in found and not applied:
            estate = demo_estate.copy_estate(folder, _first_port(load_control(folder.settings)))
            with connect(data) as api:
                api.post("/estate/apply", {"files": read_folder(estate)})
            applied = True
        elif found["ok"]:
            break
        if time.monotonic() > deadline:
            raise DoorwardError(
                "not-started",
                f"doorward is not well after {_START_SECONDS:.0f} s: {found['problems']}.",
                f"Read the logs in {folder.logs}.",
            )
        time.sleep(_ASK_SECONDS)
    _say_welcome(data, found["addresses"], demo=demo)


def _first_port(settings: ControlSettings) -> int:
    return settings.http_port or settings.https_port - 1


def _plan(folder: DataFolder, port: int, *, demo: bool) -> dict[str, object]:
    command = [sys.executable, "-m"]
    commands = {
        "control": [*command, "doorward.entrypoints.control.process", str(folder.root)],
        "gateway": [*command, "doorward.entrypoints.gateway.main", str(folder.gateway)],
    }
    once = [*command, "doorward.entrypoints.cli.app", "welcome", "--data", str(folder.root)]
    if demo:
        commands["demo"] = demo_estate.serve_command(folder, port)
        once.append("--demo")
    return {"logs": str(folder.logs), "commands": commands, "once": once}


def _say_welcome(data: Path, addresses: dict[str, str], *, demo: bool) -> None:
    typer.echo("doorward is up.")
    for name, address in addresses.items():
        if address.startswith("http"):
            typer.echo(f"  {name:16} {address}")
    if demo:
        with connect(data) as api:
            found = api.get(f"/users/{demo_estate.FIRST_PERSON}/credentials")
            if not found["passkeys"] and not found["password"]:
                link = api.post(f"/users/{demo_estate.FIRST_PERSON}/invitation")["link"]
                typer.echo("Open this invitation in a browser on this machine:")
                typer.echo(f"  {link}")
    sys.stdout.flush()


def _only_one(folder: DataFolder) -> None:
    """Hold the folder's lock until this process, and what it becomes, ends."""
    lock = os.open(folder.root / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DoorwardError(
            "already-up",
            f"Another doorward up runs on {folder.root}.",
            "Stop it first, or name another data folder with --data.",
        ) from None


def _require_free(settings: ControlSettings, applications: list[int]) -> None:
    """Raises DoorwardError `port-in-use` for the first port that somebody listens on."""
    own = (settings.http_port, settings.https_port, settings.web_port, settings.link_port)
    for port in (*own, *applications):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise DoorwardError(
                    "port-in-use",
                    f"Port {port} is in use on this machine.",
                    "Stop what uses it, or choose others with --port and a new --data.",
                ) from None
