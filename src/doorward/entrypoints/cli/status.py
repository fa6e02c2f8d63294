"""`doorward status`: every address, and the health of each part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from doorward.adapters.leaked_passwords import leaked_passwords
from doorward.config import ControlSettings, DataFolder, load_control
from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import connect, print_json
from doorward.errors import DoorwardError


def status(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show every address and whether each part is well; exit status 1 where one is not."""
    found = read_status(data)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found["ok"]:
        raise typer.Exit(1)


def read_status(data: Path) -> dict[str, Any]:
    """Addresses from the settings, health from the running control plane, if it runs."""
    folder = DataFolder(data.absolute())
    settings = load_control(folder.settings)
    found: dict[str, Any] = {"ok": False, "data": str(folder.root), "addresses": {}}
    try:
        with connect(data) as api:
            health = api.get("/status")
            resources = api.get("/resources")
    except DoorwardError as error:
        problems = [f"control: {error.detail}", *_keeps_from_starting(settings)]
        health = {"problems": problems, "gateways": []}
        resources = []
    found |= health
    found["addresses"] = _addresses(folder, settings, [item["host"] for item in resources])
    return found


def _keeps_from_starting(settings: ControlSettings) -> list[str]:
    """While control runs it says itself what is wrong."""
    try:
        leaked_passwords(settings.password_blocklist)
    except DoorwardError as error:
        return [f"control cannot start: {error.detail}"]
    return []


def _addresses(folder: DataFolder, settings: ControlSettings, hosts: list[str]) -> dict[str, str]:
    addresses = {
        "sign-in": f"{settings.origin('auth')}/",
        "https": f"https://auth.{settings.domain}:{settings.https_port}/",
        "control-web": f"{settings.web_address}:{settings.web_port}",
        "control-link": f"{settings.link_address}:{settings.link_port}",
        "operator-socket": str(folder.api_socket),
        "server-ca": str(folder.keys / "server-ca.pem"),
    }
    return addresses | {host: f"{settings.origin(host)}/" for host in sorted(hosts)}


def _print(found: dict[str, Any]) -> None:
    typer.echo("doorward is well." if found["ok"] else "doorward is not well:")
    for problem in found["problems"]:
        typer.echo(f"  {problem}")
    for gateway in found["gateways"]:
        parts = ", ".join(f"{name} {state}" for name, state in gateway["parts"].items())
        typer.echo(f"  gateway {gateway['id']}: snapshot {gateway['applied']}; {parts}")
    for name, address in found["addresses"].items():
        typer.echo(f"  {name:16} {address}")
