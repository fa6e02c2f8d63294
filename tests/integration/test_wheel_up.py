"""The built wheel, installed in a clean environment, does the same as the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo import PORTS
from tests.tools import PROJECT, free_ports, give_up

START_SECONDS = 60.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a new virtual environment that holds doorward[demo] from its wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, str(folder)], cwd=PROJECT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--quiet", "install"]
    locked = str(PROJECT / "requirements" / "runtime.txt")
    subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", locked], check=False)
    installed = subprocess.run(
        [*pip, "--no-deps", f"{wheel}[demo]"],
        check=False,
        capture_output=True,
        text=True,
    )
    if installed.returncode != 0:
        give_up(f"needs a package index: {installed.stderr[-300:]}")
    return venv / "bin"


@pytest.mark.conformance
def test_the_demo_runs_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    doorward, data, log = str(environment / "doorward"), str(tmp_path / "data"), tmp_path / "log"
    clean = {"PATH": f"{environment}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    with log.open("wb") as output:
        running = subprocess.Popen(
            [doorward, "up", "--demo", "--port", str(free_ports(PORTS)), "--data", data],
            cwd=tmp_path,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        status = _wait_until_well(running, [doorward, "status", "--json", "--data", data], clean)
    finally:
        running.terminate()
        running.wait(20)
    assert status["ok"], (status, log.read_text("utf-8"))
    assert {"payroll", "board", "reports", "handbook", "console"} <= set(status["addresses"])
    assert running.returncode == 0


def _wait_until_well(
    running: subprocess.Popen[bytes], command: list[str], environment: dict[str, str]
) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    status: dict[str, Any] = {"ok": False}
    while running.poll() is None and time.monotonic() < deadline:
        asked = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True
        )
        status = json.loads(asked.stdout or '{"ok": false}')
        if status["ok"] and "payroll" in str(status["addresses"]):
            break
        time.sleep(0.3)
    return status
