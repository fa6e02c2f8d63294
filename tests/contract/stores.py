"""The stores that the contract suite runs on, and a private PostgreSQL for the session."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.tools import require_tool

ACCOUNT = "nobody"


@contextmanager
def private_postgresql() -> Iterator[str]:
    """The URL of a database server of our own, on a Unix socket in a temporary folder."""
    initdb = require_tool("initdb").resolve()
    postgres = initdb.parent / "postgres"
    folder = Path(tempfile.mkdtemp(prefix="doorward-pg-"))
    try:
        # PostgreSQL refuses to run as root.
        as_account = ["setpriv", "--reuid", ACCOUNT, "--clear-groups"] if os.getuid() == 0 else []
        if as_account:
            shutil.chown(folder, ACCOUNT)
        data = folder / "data"
        subprocess.run(
            [*as_account, initdb, "-D", data, "-A", "trust", "-U", "doorward", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        # It dies with the test run, also where that is killed.
        leashed = [*(as_account or ["setpriv"]), "--pdeathsig", "INT"]
        server = subprocess.Popen(
            [*leashed, postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            url = f"postgresql://doorward@/postgres?host={folder}"
            _wait_ready(url)
            yield url
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_ready(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
