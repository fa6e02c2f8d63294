"""`doorward device`: enrolled devices, their health and risk."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from doorward.entrypoints.cli.device_health import last_seen, print_health
from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason, Risk
from doorward.entrypoints.cli.output import (
    connect,
    print_effect,
    print_json,
    print_table,
    segment,
)
from doorward.errors import DoorwardError

if TYPE_CHECKING:
    from doorward.adapters.api_client import ApiClient

device_app = typer.Typer(no_args_is_help=True, help="Enrolled devices.")

_PAGE = 500


class Posture(StrEnum):
    """The health of a device."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


_HEALTHY = {Posture.HEALTHY: True, Posture.UNHEALTHY: False, Posture.UNKNOWN: None}
_NAMES = {healthy: posture.value for posture, healthy in _HEALTHY.items()}


@device_app.command("list")
def list_devices(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show enrolled devices, how healthy they are, and when each was last heard of."""
    with connect(data) as api:
        devices = api.get("/devices")
        found = {item["device"]: item for item in _pages(api)}
    for device in devices:
        health = found.get(device["id"], {"last_seen_at": None, "silent": False, "findings": []})
        device |= {name: health[name] for name in ("last_seen_at", "silent", "findings")}
    if as_json:
        print_json(devices)
        return
    print_table(
        ("device", "owner", "posture", "last seen", "risk", "reason", "key (SHA-256)"),
        [
            (
                device["id"],
                device["owner"],
                _NAMES[device["healthy"]],
                last_seen(device),
                device["risk"],
                device["reason"],
                device["key"],
            )
            for device in devices
        ],
        "No device is enrolled.",
    )


def _pages(api: ApiClient) -> Iterator[dict[str, Any]]:
    after = ""
    while page := api.get("/fleet/health", after=after, limit=_PAGE):
        yield from page
        after = page[-1]["device"]


@device_app.command()
def show(device: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show what is known of a device, how, how old it is, and what is wrong with it."""
    with connect(data) as api:
        found = api.get(f"/devices/{segment(device)}/health")
    if as_json:
        print_json(found)
    else:
        print_health(found, _NAMES[found["healthy"]])


@device_app.command()
def enrol(
    device: str,
    owner: Annotated[str, typer.Option(help="The person whose device it is.")],
    out: Annotated[Path, typer.Option(help="Where to write the certificate (PKCS #12).")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Write a device's certificate and key to a file, and print its password once."""
    with connect(data) as api, _new_file(out) as file:
        try:
            enrolled = api.post("/devices", {"id": device, "owner": owner})
        except DoorwardError:
            out.unlink()
            raise
        file.write(base64.b64decode(enrolled.pop("pkcs12")))
    if as_json:
        print_json({**enrolled, "file": str(out)})
        return
    typer.echo(enrolled["password"])
    typer.echo(f"This is the password of {out}. It is shown only now.", err=True)


def _new_file(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise DoorwardError(
            "file-exists", f"{path} cannot be made.", "Name a new file with --out."
        ) from error
    return os.fdopen(descriptor, "wb")


@device_app.command()
def posture(
    device: str,
    posture: Annotated[Posture, typer.Argument(help="What was found.")],
    data: Data = DEFAULT_DATA,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Signal the health of a device."""
    body = {"healthy": _HEALTHY[posture], "reason": reason}
    with connect(data) as api:
        effect = api.put(f"/devices/{segment(device)}/posture", body)
    print_effect(effect, f"Device {device} is {posture.value}.", as_json=as_json)


@device_app.command()
def risk(
    device: str,
    risk: Risk,
    data: Data = DEFAULT_DATA,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Signal how risky a device is."""
    with connect(data) as api:
        effect = api.put(f"/devices/{segment(device)}/risk", {"risk": risk, "reason": reason})
    print_effect(effect, f"Device {device} has risk {risk}.", as_json=as_json)


@device_app.command()
def remove(device: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Forget a device; its certificate counts no more."""
    with connect(data) as api:
        effect = api.delete(f"/devices/{segment(device)}")
    print_effect(effect, f"Device {device} is removed.", as_json=as_json)
