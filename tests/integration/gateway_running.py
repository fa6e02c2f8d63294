"""A real gateway (parent, decision process, Envoy) under a test's own control plane."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from doorward.adapters import installation
from doorward.config import CONTROL_TLS_NAME
from tests.integration.gateway_control import TestControl, wait_until
from tests.tools import free_ports

_MAIN = (
    "import sys; from pathlib import Path; from doorward.entrypoints.gateway.main import"
    " run_gateway; run_gateway(Path(sys.argv[1]))"
)
DOMAIN = "doorward.localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got. Header names in lower case; cookies by name."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes

    def echoed(self) -> dict[str, list[str]]:
        """The request headers that the upstream saw."""
        return msgspec.json.decode(self.body, type=dict[str, list[str]])


@dataclass
class Client:
    """One keep-alive connection to the gateway."""

    port: int
    host: str = f"wiki.{DOMAIN}"
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def get(
        self, path: str = "/", method: str = "GET", body: str | None = None, **headers: str
    ) -> Answer:
        """Ask; `_` in a header's name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        host = {"host": f"{self.host}:{self.port}"}
        self.connection.request(method, path, body, headers=host | named)
        response = self.connection.getresponse()
        content = response.read()
        cookies = dict(
            value.split(";", 1)[0].split("=", 1)
            for name, value in response.getheaders()
            if name.lower() == "set-cookie"
        )
        headers_got = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers_got, cookies, content)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RunningGateway:
    """`doorward gateway` in a folder of its own."""

    def __init__(self, folder: Path, expiry_seconds: float = 60.0, **settings: float) -> None:
        keys, self.root = folder / "keys", folder / "gateway"
        installation.create_keys(keys, DOMAIN, CONTROL_TLS_NAME, time.time())
        installation.enrol_gateway(keys, "gw", DOMAIN, self.root, time.time())
        self.port = free_ports(4)
        https, web, link = range(self.port + 1, self.port + 4)
        lines = [
            'id = "gw"',
            f'domain = "{DOMAIN}"',
            f"http_port = {self.port}",
            f"https_port = {https}",
            f"web_port = {web}",
            f"link_port = {link}",
            *(f"{name} = {value}" for name, value in settings.items()),
        ]
        (self.root / "gateway.toml").write_text("\n".join(lines) + "\n")
        self.control = TestControl(keys, link, expiry_seconds)
        self._log = folder / "gateway.log"
        self.parent: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the parent and wait until Envoy enforces the control's snapshot."""
        with self._log.open("ab") as log:
            self.parent = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _MAIN,
                    str(self.root),
                ],
                stdout=log,
                stderr=log,
            )
        self.wait_enforcing()

    def wait_enforcing(self) -> None:
        """Wait until the gateway has connected and Envoy answers by its snapshot."""
        try:
            wait_until(lambda: self.control.snapshot.number in self.control.applied, 30)
        except AssertionError as error:
            raise AssertionError(self.printed()) from error

    def printed(self) -> str:
        """What the gateway's processes have written."""
        return self._log.read_text("utf-8", errors="replace")

    def stop(self) -> None:
        """End everything."""
        if self.parent is not None:
            self.parent.terminate()
            try:
                self.parent.wait(15)
            except subprocess.TimeoutExpired:
                self.parent.kill()
                self.parent.wait()
            self.parent = None
        self.control.close()

    def children(self) -> dict[str, int]:
        """The pids of `decision` and `envoy`."""
        assert self.parent is not None
        found = {}
        for pid in _child_pids(self.parent.pid):
            command = _command(pid)
            if "entrypoints.gateway.decision_process" in command:
                found["decision"] = pid
            elif "bootstrap.json" in command:
                found["envoy"] = pid
        return found

    def kill(self, child: str) -> int:
        """Kill -9 one of the children; its pid."""
        pid = self.children()[child]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_new(self, child: str, old: int) -> None:
        """Wait until another process does what `old` did."""
        wait_until(lambda: self.children().get(child, old) != old, 15)


def _child_pids(parent: int) -> list[int]:
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
