"""A running demo installation, and what a test asks of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools import free_ports

PORTS = 14
"""Four of doorward, and those of the demo's applications up to ten above them."""
START_SECONDS = 60.0
STOP_SECONDS = 20.0

_INVITATION = re.compile(r"https?://\S+/invitation#\S+")


@dataclass(frozen=True, slots=True)
class Demo:
    """`doorward up --demo` in a folder of its own, on ports of its own."""

    data: Path
    port: int
    output: Path
    process: subprocess.Popen[bytes]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One `doorward` command against this installation."""
        return subprocess.run(
            [str(doorward()), *arguments, "--data", str(self.data)],
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def json(self, *arguments: str) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def printed(self) -> str:
        """All that `doorward up` has written."""
        return self.output.read_text("utf-8", errors="replace")

    def invitation(self) -> str:
        """The invitation link that `doorward up` printed."""
        found = _INVITATION.search(self.printed())
        assert found, f"no invitation link in:\n{self.printed()}"
        return found.group()

    def url(self, host: str, path: str = "/") -> str:
        """The plain address of a resource's host."""
        return f"http://{host}.doorward.localhost:{self.port}{path}"


def doorward() -> Path:
    """The installed command, beside the interpreter that runs the tests."""
    return Path(sys.executable).with_name("doorward")


def start(folder: Path, settings: str = "") -> Demo:
    """Start it and wait until every part is well. The caller stops it.

    `settings` are lines for `doorward.toml` beside those that `doorward init` writes.
    """
    data, output, port = folder / "data", folder / "up.log", free_ports(PORTS)
    if settings:
        init = [str(doorward()), "init", "--port", str(port), "--data", str(data)]
        subprocess.run(init, check=True, capture_output=True, timeout=60)
        with (data / "doorward.toml").open("a") as file:
            file.write(settings)
    with output.open("wb") as log:
        process = subprocess.Popen(
            [str(doorward()), "up", "--demo", "--port", str(port), "--data", str(data)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    demo = Demo(data, port, output, process)
    try:
        _wait_until_well(demo)
    except BaseException:
        stop(demo)
        raise
    return demo


def stop(demo: Demo) -> None:
    """End it as Ctrl-C would, and insist if it does not go."""
    demo.process.terminate()
    try:
        demo.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        demo.process.kill()
        demo.process.wait()


def _wait_until_well(demo: Demo) -> None:
    deadline = time.monotonic() + START_SECONDS
    said = ""
    while time.monotonic() < deadline:
        if demo.process.poll() is not None:
            break
        if "doorward is up." in demo.printed():
            status = demo.run("status", "--json", check=False)
            said = status.stdout + status.stderr
            if status.returncode == 0 and json.loads(status.stdout)["ok"]:
                return
        time.sleep(0.1)
    message = f"doorward up did not become well.\nstatus: {said}\nup:\n{demo.printed()}"
    raise AssertionError(message)
