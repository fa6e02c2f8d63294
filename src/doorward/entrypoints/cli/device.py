"""`doorward device`: enrolled devices, their health and risk."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data, Reason, Risk
from doorward.entrypoints.cli.output import (
    connect,
    print_effect,
    print_json,
    print_table,
    segment,
)

device_app = typer.Typer(no_args_is_help=True, help="Enrolled devices.")


class Posture(StrEnum):
    """The health of a device."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


_HEALTHY = {Posture.HEALTHY: True, Posture.UNHEALTHY: False, Posture.UNKNOWN: None}
_NAMES = {healthy: posture.value for posture, healthy in _HEALTHY.items()}


@device_app.command("list")
def list_devices(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show enrolled devices."""
    with connect(data) as api:
        devices = api.get("/devices")
    if as_json:
        print_json(devices)
        return
    print_table(
        ("device", "owner", "posture", "risk", "reason", "certificate (SHA-256)"),
        [
            (
                device["id"],
                device["owner"],
                _NAMES[device["healthy"]],
                device["risk"],
                device["reason"],
                device["thumbprint"],
            )
            for device in devices
        ],
        "No device is enrolled.",
    )


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
