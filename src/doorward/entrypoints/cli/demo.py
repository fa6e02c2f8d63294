"""The demo estate: where it lies, its copy in the data folder, its applications."""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from doorward.config import ControlSettings, DataFolder, load_control
from doorward.errors import DoorwardError

FIRST_PERSON = "alice"
_FIRST_APPLICATION_PORT = 10
_WRITTEN_PORTS = (8090, 8091, 8092, 8093)


def demo_folder() -> Path:
    """`examples/demo` of the checkout, or its copy in the installed package."""
    packaged = Path(str(resources.files("doorward"))) / "examples" / "demo"
    checkout = Path(str(resources.files("doorward"))).parent.parent / "examples" / "demo"
    for folder in (packaged, checkout):
        if (folder / "estate").is_dir():
            return folder
    raise DoorwardError(
        "demo-missing",
        "The demo estate is not part of this installation.",
        "Install doorward from its wheel or its repository.",
    )


def application_ports(port: int) -> list[int]:
    """The loopback ports of the demo's applications, beside doorward's own."""
    return [port + _FIRST_APPLICATION_PORT + number for number in range(len(_WRITTEN_PORTS))]


def first_port(settings: ControlSettings) -> int:
    """The first of doorward's own four ports."""
    return settings.http_port or settings.https_port - 1


def copy_estate(data: DataFolder) -> Path:
    """`DATA/estate`: once made, a copy of the demo estate on this installation's ports."""
    folder = data.root / "estate"
    if folder.exists():
        return folder
    port = first_port(load_control(data.settings))
    draft = Path(tempfile.mkdtemp(prefix=".estate-", dir=data.root))
    shutil.copytree(demo_folder() / "estate", draft, dirs_exist_ok=True)
    written = draft / "resources.toml"
    text = written.read_text("utf-8")
    for old, new in zip(_WRITTEN_PORTS, application_ports(port), strict=True):
        text = text.replace(f'"http://127.0.0.1:{old}"', f'"http://127.0.0.1:{new}"')
    written.write_text(text, "utf-8")
    return draft.rename(folder)


def serve_command(data: DataFolder, port: int) -> list[str]:
    """What runs the demo's applications."""
    folder = data.root / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    script = demo_folder() / "apps" / "serve.py"
    return [sys.executable, str(script), str(folder), *map(str, application_ports(port))]
