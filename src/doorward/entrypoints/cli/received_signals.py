"""`doorward signal`, the other half: events of other systems, and the streams they come by."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import (
    connect as connect_api,
)
from doorward.entrypoints.cli.output import (
    local,
    print_json,
    print_table,
    printable,
    segment,
)
from doorward.errors import DoorwardError

received_app = typer.Typer()

_MAX_SECRET = 4096
_LOOK_SECONDS = 0.5


@received_app.command("transmitters")
def list_transmitters(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the transmitters of the estate, and how their streams are."""
    with connect_api(data) as api:
        found = api.get("/transmitters")
    if as_json:
        print_json(found)
        return
    print_table(
        ("transmitter", "name", "issuer", "delivery", "stream", "last heard", "trouble"),
        [
            (
                item["id"],
                item["name"],
                item["issuer"],
                item["delivery"],
                _stream(item),
                local(item["heard_at"]) if item["heard_at"] else "never",
                item["problem"],
            )
            for item in found
        ],
        "The estate declares no transmitter.",
    )


@received_app.command()
def secret(
    transmitter: str,
    data: Data = DEFAULT_DATA,
    push: Annotated[
        bool, typer.Option("--push", help="The bearer that the transmitter pushes with.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the secret.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set the token for a transmitter's API, read from standard input: one line."""
    text = "" if remove else _read_secret()
    body = {"kind": "push" if push else "management", "secret": text}
    with connect_api(data) as api:
        answer = api.put(f"/transmitters/{segment(transmitter)}/secret", body)
    if as_json:
        print_json(answer)
    else:
        state = "set" if answer["secret_set"] else "removed"
        typer.echo(f"The secret for {transmitter} is {state}.")


@received_app.command()
def connect(transmitter: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Make a stream at a transmitter: from then on it sends its events."""
    with connect_api(data) as api:
        found = api.post(f"/transmitters/{segment(transmitter)}/connect")
    _print_one(found, as_json=as_json)


@received_app.command()
def disconnect(transmitter: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Delete the stream at a transmitter: nothing more is received of it."""
    with connect_api(data) as api:
        found = api.post(f"/transmitters/{segment(transmitter)}/disconnect")
    _print_one(found, as_json=as_json)


@received_app.command()
def status(transmitter: str, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Ask a transmitter how its stream is."""
    with connect_api(data) as api:
        found = api.post(f"/transmitters/{segment(transmitter)}/status")
    _print_one(found, as_json=as_json)


@received_app.command()
def verify(
    transmitter: str,
    data: Data = DEFAULT_DATA,
    wait: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait for it.")] = 15,
    as_json: AsJson = False,
) -> None:
    """Ask for a verification event, and wait until it has come by the stream."""
    path = f"/transmitters/{segment(transmitter)}"
    with connect_api(data) as api:
        found = api.post(f"{path}/verify")
        until = time.monotonic() + wait
        while found["verifying"] and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            found = api.get(path)
    came = not found["verifying"]
    if as_json:
        print_json(found)
    elif came:
        typer.echo(f"The verification by {transmitter} has come: its stream works.")
    else:
        typer.echo(f"No verification by {transmitter} has come in {wait} s. {found['problem']}")
    if not came:
        raise typer.Exit(1)


@received_app.command()
def received(
    data: Data = DEFAULT_DATA,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the latest events that were received, and what came of each."""
    with connect_api(data) as api:
        page = api.get("/received-signals", limit=limit)
    if as_json:
        print_json(page)
        return
    print_table(
        ("received", "transmitter", "event", "about", "what came of it", "id"),
        [
            (
                local(item["received_at"]),
                item["transmitter"],
                item["type"].rpartition("/")[2],
                item["subject"],
                f"{item['outcome']}: {item['detail']}" if item["detail"] else item["outcome"],
                item["jti"],
            )
            for item in page["signals"]
        ],
        "No event has been received.",
    )


def _stream(found: dict[str, Any]) -> str:
    if not found["stream"]:
        return "none"
    return f"{found['status']}, {'verified' if found['verified_at'] else 'not verified'}"


def _read_secret() -> str:
    if sys.stdin.isatty():
        text: str = typer.prompt("Secret", hide_input=True)
    else:
        text = sys.stdin.readline(_MAX_SECRET)
    text = text.rstrip("\r\n")
    if not text:
        raise DoorwardError(
            "transmitter-secret-invalid",
            "Standard input holds no secret.",
            "Pipe it in: doorward signal secret ID < FILE; --remove forgets the one there is.",
        )
    return text


def _print_one(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    typer.echo(f"{printable(found['name'])}: {_stream(found)}")
    sent = ", ".join(uri.rpartition("/")[2] for uri in found["delivered"])
    lines = [
        ("issuer", found["issuer"]),
        ("stream", found["stream"] or "none"),
        ("audience", ", ".join(found["audience"]) or "none"),
        ("pushes to", found["push_url"] or "nowhere: it is polled"),
        ("sends", sent or "it does not say"),
    ]
    lines += [("trouble", found["problem"])] if found["problem"] else []
    for name, value in lines:
        typer.echo(f"  {name}: {printable(value)}")
