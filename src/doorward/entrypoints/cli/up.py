"""`doorward up`: a whole doorward on one machine."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from doorward.adapters import clock
from doorward.adapters.installation import renew_gateway
from doorward.adapters.leaked_passwords import leaked_passwords
from doorward.config import ControlSettings, DataFolder, load_control
from doorward.entrypoints.cli import demo as demo_estate
from doorward.entrypoints.cli.init import (
    DEFAULT_DOMAIN,
    DEFAULT_PORT,
    LOCAL_GATEWAY,
    PORTS,
    initialise,
    require_room,
)
from doorward.entrypoints.cli.options import DEFAULT_DATA, Data
from doorward.errors import DoorwardError


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
        first_port = DEFAULT_PORT if port is None else port
        require_room(first_port)
        _require_free(range(first_port, first_port + PORTS))
        initialise(folder, domain=DEFAULT_DOMAIN, port=first_port, organisation="example")
    settings = load_control(folder.settings)
    leaked_passwords(settings.password_blocklist)
    first_port = demo_estate.first_port(settings)
    if port is not None and port != first_port:
        raise DoorwardError(
            "port-differs",
            f"{data} was made for port {first_port}, not {port}.",
            "Leave --port out, name another --data, or change doorward.toml and gateway.toml.",
        )
    _only_one(folder)
    _require_free(_ports(settings))
    if demo:
        _require_free(demo_estate.application_ports(first_port))
    renew_gateway(folder.keys, LOCAL_GATEWAY, settings.domain, folder.gateway, clock.now())
    folder.logs.mkdir(mode=0o700, exist_ok=True)
    # This process has loaded the whole command line; what stays behind should be small.
    plan = json.dumps(_plan(folder, first_port, demo=demo))
    supervisor = [sys.executable, "-m", "doorward.entrypoints.supervisor", plan]
    os.execv(sys.executable, supervisor)  # noqa: S606 - our own interpreter


def _plan(folder: DataFolder, port: int, *, demo: bool) -> dict[str, object]:
    command = [sys.executable, "-m"]
    commands = {
        "control": [*command, "doorward.entrypoints.control.process", str(folder.root)],
        "gateway": [*command, "doorward.entrypoints.gateway.main", str(folder.gateway)],
    }
    once = [*command, "doorward.entrypoints.cli.welcome", str(folder.root)]
    if demo:
        commands["demo"] = demo_estate.serve_command(folder, port)
        once.append("--demo")
    return {"logs": str(folder.logs), "commands": commands, "once": once}


def _ports(settings: ControlSettings) -> list[int]:
    ports = (settings.http_port, settings.https_port, settings.web_port, settings.link_port)
    return [port for port in ports if port]


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


def _require_free(ports: Iterable[int]) -> None:
    """Raises DoorwardError `port-in-use` for the first port that somebody listens on."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                raise DoorwardError(
                    "port-in-use",
                    f"Port {port} is in use on this machine, or may not be used by you.",
                    "Stop what uses it, or choose others with --port and a new --data.",
                ) from None
