"""`doorward osquery`: hosts that report by osquery, and the secrets with which they enrol."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect,
    local,
    print_json,
    print_table,
    printable,
    segment,
)

osquery_app = typer.Typer(no_args_is_help=True, help="Hosts that report by osquery.")
secret_app = typer.Typer(no_args_is_help=True, help="Secrets with which hosts enrol.")
osquery_app.add_typer(secret_app, name="secret")

_DAY_SECONDS = 86_400


@osquery_app.command("list")
def list_hosts(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show hosts: duplicates first, then those that wait to be assigned to a device."""
    with connect(data) as api:
        hosts = api.get("/osquery/hosts")
    if as_json:
        print_json(hosts)
        return
    print_table(
        ("host", "state", "device", "identifier", "name", "system", "last seen", "left out"),
        [
            (
                host["id"],
                host["state"],
                _device(host),
                host["identifier"],
                host["name"],
                host["system"],
                local(host["last_seen_at"]) if host["last_seen_at"] else "never",
                host["ignored"],
            )
            for host in hosts
        ],
        "No host has enrolled: doorward osquery secret new",
    )


@osquery_app.command()
def assign(host: str, device: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Say which device a host is: from now on its facts are the device's."""
    with connect(data) as api:
        found = api.put(f"/osquery/hosts/{segment(host)}/device", {"device": device})
    _tell(found, f"Host {host} reports for device {device}.", as_json=as_json)


@osquery_app.command()
def unassign(host: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Take a host off its device."""
    with connect(data) as api:
        found = api.delete(f"/osquery/hosts/{segment(host)}/device")
    _tell(found, f"Host {host} is no device's.", as_json=as_json)


@osquery_app.command()
def remove(host: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Make a host's node key worthless. With a secret that holds it enrols again."""
    with connect(data) as api:
        gone = api.delete(f"/osquery/hosts/{segment(host)}")
    _tell(gone, f"Host {host} is removed.", as_json=as_json)


@secret_app.command()
def new(
    data: Data = DEFAULT_DATA,
    expires: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days until it ends; never without.")
    ] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print a new secret, once. Whoever has it may enrol hosts."""
    lifetime = None if expires is None else expires * _DAY_SECONDS
    with connect(data) as api:
        made = api.post("/osquery/secrets", {"note": note, "lifetime_seconds": lifetime})
    if as_json:
        print_json(made)
        return
    typer.echo(made["plain"])
    end = f"ends at {local(made['expires_at'])}" if made["expires_at"] else "does not end"
    typer.echo(f"This is secret {made['id']}. It is shown only now, and {end}.", err=True)


@secret_app.command("list")
def list_secrets(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show secrets of enrolment, without the secrets."""
    with connect(data) as api:
        secrets = api.get("/osquery/secrets")
    if as_json:
        print_json(secrets)
        return
    print_table(
        ("secret", "note", "made", "ends"),
        [
            (
                item["id"],
                item["note"],
                local(item["created_at"]),
                local(item["expires_at"]) if item["expires_at"] else "never",
            )
            for item in secrets
        ],
        "There is no secret: doorward osquery secret new",
    )


@secret_app.command()
def revoke(secret: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Let nobody enrol with a secret any more; hosts that did so stay."""
    with connect(data) as api:
        gone = api.delete(f"/osquery/secrets/{segment(secret)}")
    _tell(gone, f"Secret {secret} is revoked.", as_json=as_json)


def _device(host: dict[str, Any]) -> str:
    if host["device"]:
        return f"{host['device']} (gone: assign again)" if host["lost"] else str(host["device"])
    return f"perhaps {', '.join(host['named_alike'])}" if host["named_alike"] else ""


def _tell(found: dict[str, Any], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(printable(done))
