"""`doorward init`: keys, authorities and settings of a new installation."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from doorward.adapters import clock, installation, keys
from doorward.config import CONTROL_TLS_NAME, ControlSettings, DataFolder, load_control
from doorward.entrypoints.cli.options import DEFAULT_DATA, Data
from doorward.errors import DoorwardError, SourceError

DEFAULT_DOMAIN = "doorward.localhost"
DEFAULT_PORT = 8080
LOCAL_GATEWAY = "local"
PORTS = 4

_LOCALHOST = ".localhost"


def init(
    data: Data = DEFAULT_DATA,
    domain: Annotated[
        str, typer.Option(help="The domain below which every resource has its host.")
    ] = DEFAULT_DOMAIN,
    port: Annotated[
        int, typer.Option(help="The first of four ports; see docs/reference/settings.md.")
    ] = DEFAULT_PORT,
    organisation: Annotated[
        str, typer.Option(help="The name that people see on doorward's pages.")
    ] = "example",
) -> None:
    """Make the data folder: keys, certificate authorities, settings and a first gateway."""
    initialise(DataFolder(data.absolute()), domain=domain, port=port, organisation=organisation)
    typer.echo(f"{data} is ready. Start doorward with: doorward up --data {data}")


def require_room(port: int) -> None:
    """Raises DoorwardError `bad-port` where `port` does not begin four ports."""
    if not 1 <= port <= 65536 - PORTS:
        raise DoorwardError(
            "bad-port", f"{port} is not a port that leaves room for {PORTS}.", "Try --port 8080."
        )


def initialise(data: DataFolder, *, domain: str, port: int, organisation: str) -> None:
    """Make the data folder, whole or not at all. Raises `file-exists`, `settings-invalid`."""
    require_room(port)
    for taken in (data.settings, data.control, data.gateway):
        if taken.exists():
            raise DoorwardError(
                "file-exists",
                f"{taken} is already there, and keys are never overwritten.",
                "Name another folder with --data, or move this one away.",
            )
    keys.make_folder(data.root)
    draft = DataFolder(Path(tempfile.mkdtemp(prefix=".init-", dir=data.root)))
    try:
        _fill(draft, domain, port, organisation)
        for part in (draft.control, draft.gateway, draft.settings):
            part.rename(data.root / part.name)
    except SourceError as error:
        raise DoorwardError(error.code, error.detail, error.remedy) from None
    finally:
        shutil.rmtree(draft.root, ignore_errors=True)


def write_gateway(keys_folder: Path, gateway: str, settings: ControlSettings, out: Path) -> None:
    """Enrol a gateway into `out`, with a `gateway.toml` that suits `settings`."""
    if out.exists() and any(out.iterdir()):
        raise DoorwardError("file-exists", f"{out} is not empty.", "Name a new folder with --out.")
    installation.enrol_gateway(keys_folder, gateway, settings.domain, out, clock.now())
    keys.write_secret(
        out / "gateway.toml",
        _toml(
            id=gateway,
            domain=settings.domain,
            http_port=settings.http_port,
            https_port=settings.https_port,
            control_address=settings.link_address,
            web_port=settings.web_port,
            link_port=settings.link_port,
        ),
    )


def _fill(data: DataFolder, domain: str, port: int, organisation: str) -> None:
    text = _toml(
        domain=domain,
        organisation=organisation,
        http_port=port if domain.endswith(_LOCALHOST) else 0,
        https_port=port + 1,
        web_port=port + 2,
        link_port=port + 3,
    )
    keys.write_secret(data.settings, text)
    settings = load_control(data.settings)
    keys.make_folder(data.control)
    installation.create_keys(data.keys, domain, CONTROL_TLS_NAME, clock.now())
    write_gateway(data.keys, LOCAL_GATEWAY, settings, data.gateway)


def _toml(**values: str | int) -> bytes:
    lines = ["# Every setting is explained in docs/reference/settings.md."]
    for key, value in values.items():
        if isinstance(value, int):
            lines.append(f"{key} = {value}")
        else:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{key} = "{escaped}"')
    return ("\n".join(lines) + "\n").encode()
