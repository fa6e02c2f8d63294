"""`doorward device`: enrolled devices, their health and risk."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

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
        (
            "device",
            "name",
            "owner",
            "posture",
            "suspended",
            "last seen",
            "risk",
            "reason",
            "key (SHA-256)",
        ),
        [
            (
                device["id"],
                device["name"],
                device["owner"],
                _NAMES[device["healthy"]],
                device["suspended"],
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
    owner: Annotated[str, typer.Option(help="The person whose device it will be.")],
    name: Annotated[str, typer.Option(help="What people call it; else the device says.")] = "",
    device_id: Annotated[
        str,
        typer.Option("--id", help="Its id, where the estate or policies are to name it."),
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Print a code that enrols one device, once: doorward agent enrol --ask-code."""
    body = {"owner": owner, "name": name, "device": device_id}
    with connect(data) as api:
        made = api.post("/devices/enrolment-codes", body)
    if as_json:
        print_json(made)
        return
    typer.echo(made["code"])
    typer.echo(
        "Type it on the device when doorward agent enrol --ask-code asks for it. It works once, "
        "within a day, and is shown only now.",
        err=True,
    )


@device_app.command()
def lost(device: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Say that a device is lost: it counts as none until it is enrolled again."""
    with connect(data) as api:
        effect = api.put(f"/devices/{segment(device)}/lost", {})
    print_effect(effect, f"Device {device} is suspended.", as_json=as_json)


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
    """Forget a device; its certificates count no more, and the sessions on it end."""
    with connect(data) as api:
        effect = api.delete(f"/devices/{segment(device)}")
    print_effect(effect, f"Device {device} is removed.", as_json=as_json)
