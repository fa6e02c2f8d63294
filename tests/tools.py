"""What tests need from the machine, and what happens where it is missing."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

PROJECT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"

_PACKAGES = {
    "certutil": "libnss3-tools",
    "chromium": "chromium",
    "curl": "curl",
    "initdb": "postgresql",
    "node": "nodejs",
    "npm": "npm",
    "ip": "iproute2",
    "pk12util": "libnss3-tools",
    "postgres": "postgresql",
    "swtpm": "swtpm",
    "swtpm_localca": "swtpm-tools",
    "swtpm_setup": "swtpm-tools",
    "tpm2": "tpm2-tools",
    "wrk": "wrk",
}
_FIRST_PORT, _LAST_PORT = 10_000, 32_000
"""Below those that the system gives to clients, which come and go."""


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring TCP ports of 127.0.0.1 that nobody holds.

    Whoever asked has yet to listen there: each of pytest's processes has a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = (_LAST_PORT - _FIRST_PORT) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    begin = _FIRST_PORT + worker * share
    for _ in range(200):
        first = random.randrange(begin, begin + share - count)
        if all(_is_free(first + offset) for offset in range(count)):
            return first
    message = "found no free neighbouring ports"
    raise RuntimeError(message)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_tool(name: str) -> Path:
    """The path of the program `name`. Without it the test skips; in CI it fails."""
    found = shutil.which(name) or next(
        # Debian keeps PostgreSQL's server programs out of PATH.
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[-1:]),
        None,
    )
    if found is None:
        give_up(
            f"needs `{name}`, of the Debian package {_PACKAGES.get(name, name)}: "
            "`make system-packages` installs it"
        )
    return Path(found)


def require_node_package(name: str) -> Path:
    """The folder of a package that tests/integration/node locks, installed where it is not yet."""
    npm, folder = require_tool("npm"), PROJECT / "tests" / "integration" / "node"
    found = folder / "node_modules" / name
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.is_dir():
            command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode != 0:
                give_up(f"needs `{name}` of npm, and `npm ci` failed: {done.stderr[-500:]}")
    return found


def require_fixtures() -> Path:
    """The folder of reference data. Without it (a clone on its own) the test skips."""
    folder = Path(os.environ.get("DOORWARD_FIXTURES", PROJECT.parent / "shared" / "fixtures"))
    folder = PROJECT / folder  # a relative path counts from the checkout
    if not folder.is_dir():
        pytest.skip(f"reference data is not at {folder}: set DOORWARD_FIXTURES to its folder")
    return folder


def give_up(reason: str) -> NoReturn:
    if IN_CI:
        pytest.fail(f"{reason} (a missing tool fails in CI)")
    pytest.skip(reason)
