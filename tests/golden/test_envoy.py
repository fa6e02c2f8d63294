"""What a small estate compiles to, for a person to read, and for Envoy to accept.

After a wanted change: `python -m tests.golden.test_envoy` writes the file anew.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_type_hints

import msgspec

from doorward.adapters import ca
from doorward.adapters.envoy.binary import envoy_path
from doorward.config import ControlSettings
from doorward.enforcement.envoy.compiler import EnvoyFiles, compile_envoy
from doorward.enforcement.envoy.settings import Limits, TlsListener
from doorward.model.estate import ActionRule
from doorward.model.snapshot import Snapshot
from tests.property.route_matching import envoy_settings, resource

GOLDEN = Path(__file__).with_name("envoy.json")
FOLDER = "/run/doorward"
DRAIN_SECONDS = 5.0
"""Envoy's own `drain_timeout`, after which a connection that is idle is closed."""


def compiled() -> EnvoyFiles:
    """An estate with every kind of resource, behind both listeners."""
    rules = (
        ActionRule(path="/admin/*", action="write"),
        ActionRule(path="/search", action="read", methods=("POST", "PUT")),
    )
    rpc = msgspec.structs.replace(
        resource("rpc", (), "https://rpc.internal:8443"), protocol="http2"
    )
    resources = (
        resource("hr", rules, "http://127.0.0.1:9001"),
        resource("console", (), "control"),
        rpc,
    )
    tls = TlsListener(
        "0.0.0.0",
        8443,
        f"{FOLDER}/tls.pem",
        f"{FOLDER}/tls.key",
        f"{FOLDER}/device-ca.pem",
    )
    settings = replace(envoy_settings(FOLDER), tls=tls)
    return compile_envoy(Snapshot(resources={item.id: item for item in resources}), settings, 7)


def text() -> str:
    """Every file, readable."""
    files = {name: json.loads(content) for name, content in asdict(compiled()).items()}
    del files["complete"]  # the same again, in one piece
    return json.dumps(files, indent=1) + "\n"


def test_the_configuration_is_as_agreed() -> None:
    assert text() == GOLDEN.read_text("utf-8"), (
        "What doorward tells Envoy changed. If that is wanted: python -m tests.golden.test_envoy"
    )


def test_a_connection_ends_before_its_renewed_certificate_is_needed() -> None:
    minutes = get_type_hints(ControlSettings, include_extras=True)["device_certificate_minutes"]
    shortest = minutes.__metadata__[0].ge * 60
    assert Limits().tls_connection_seconds + DRAIN_SECONDS < shortest / 2


def test_envoy_accepts_it(tmp_path: Path) -> None:
    folder = str(tmp_path)
    _certificates(tmp_path)
    for name, content in asdict(compiled()).items():
        (tmp_path / f"{name}.json").write_text(content.replace(FOLDER, folder))
    for name in ("complete", "bootstrap"):
        command = [envoy_path(), "--mode", "validate", "-l", "error", "-c"]
        said = subprocess.run(
            [*command, str(tmp_path / f"{name}.json")], capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stderr


def _certificates(folder: Path) -> None:
    now = time.time()
    authority = ca.create_authority("test", now)
    server = ca.issue_server(authority, ["example.test"], now)
    for name in ("tls", "c", "device-ca", "ca"):
        pair = authority if name.endswith("ca") else server
        (folder / f"{name}.pem").write_bytes(pair.certificate)
        (folder / f"{name}.key").write_bytes(pair.key)


if __name__ == "__main__":
    GOLDEN.write_text(text(), "utf-8")
