"""A whole doorward for benchmarks: control, gateway and Envoy as processes, people signed in."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import open_store
from doorward.administrator.ports import Store
from doorward.config import DataFolder, load_control
from doorward.entrypoints.cli.init import initialise
from doorward.estate import parse_estate
from doorward.model.identity import ResourceCookie, Session
from doorward.model.ids import ResourceId, SessionId, UserId
from doorward.model.snapshot import Change, change
from tests.tools import free_ports

PORTS = 5
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """Where it runs. Session `n` belongs to user `un`; its cookie at `app` is `cookie(n)`."""

    folder: DataFolder
    port: int
    upstream_port: int
    sessions: int
    processes: dict[str, subprocess.Popen[bytes]]

    def start(self, name: str) -> None:
        """Start `control` or `gateway`, if it does not run."""
        module, path = {
            "control": ("doorward.entrypoints.control.process", self.folder.root),
            "gateway": ("doorward.entrypoints.gateway.main", self.folder.gateway),
        }[name]
        with (self.folder.root / "processes.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, str(path)], stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """End it as a crash would (SIGKILL)."""
        self.processes[name].kill()
        self.processes[name].wait()

    @property
    def host(self) -> str:
        """The Host of the benchmark's resource."""
        return f"app.doorward.localhost:{self.port}"


def cookie(number: int) -> str:
    """The secret of session `number`'s cookie."""
    return hashlib.sha256(f"benchmark {number}".encode()).hexdigest()


def estate_files(upstream_port: int, users: int, groups: int, without: int = -1) -> dict[str, str]:
    """An estate of `users` people in `groups` groups, each let in by a policy of its own.

    The policy of group `without` is left out.
    """
    tables = ['[[label]]\nid = "internal"\nname = "Internal"\nsensitivity = 10\n']
    tables += [f'[[group]]\nid = "g{n}"\nname = "Group {n}"\n' for n in range(groups)]
    tables += [
        f'[[user]]\nid = "u{n}"\nname = "User {n}"\nemail = "u{n}@example.com"\n'
        f'groups = ["g{n % groups}"]\n'
        for n in range(users)
    ]
    tables.append(
        '[[resource]]\nid = "app"\nname = "App"\nhost = "app"\nlabel = "internal"\n'
        f'owner = "u0"\nupstream = "http://127.0.0.1:{upstream_port}"\n'
    )
    policies = [
        f'@id("group-{n}")\npermit (principal is User in Group::"g{n}", action, '
        f'resource == Resource::"app") when {{ principal.risk < 70 }};\n'
        for n in range(groups)
        if n != without
    ]
    return {"estate.toml": "\n".join(tables), "policies.cedar": "\n".join(policies)}


@contextmanager
def running(
    folder: Path,
    files: dict[str, str],
    upstream_port: int,
    sessions: int,
    settings: str = "",
    also: Callable[[Store], Awaitable[None]] | None = None,
) -> Iterator[Installation]:
    """Make the installation with `sessions` people signed in, start it, and stop it in the end.

    `settings` are lines for `doorward.toml`; `also` puts more into the store before the start.
    """
    data, port = DataFolder(folder), free_ports(PORTS)
    initialise(data, domain="doorward.localhost", port=port, organisation="example")
    with data.settings.open("a", encoding="utf-8") as file:
        file.write(settings)
    url = data.store_url(load_control(data.settings))
    upgrade(url)
    asyncio.run(_publish(url, files, sessions, also))
    installation = Installation(data, port, upstream_port, sessions, {})
    try:
        for name in ("control", "gateway"):
            installation.start(name)
        wait_ready(folder)
        yield installation
    finally:
        for process in reversed(installation.processes.values()):
            process.terminate()
        for process in installation.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _publish(
    url: str,
    files: dict[str, str],
    sessions: int,
    also: Callable[[Store], Awaitable[None]] | None,
) -> None:
    now = time.time()
    changes: list[Change] = [
        change(kind, document)
        for kind, documents in parse_estate(files).documents.items()
        for document in documents.values()
    ]
    for number in range(sessions):
        session = Session(
            id=SessionId(f"ses_{number}"),
            user=UserId(f"u{number}"),
            started_at=now,
            expires_at=now + 86_400,
            authenticated_at=now,
            methods=("passkey",),
            phishing_resistant=True,
            multi_factor=True,
            address="127.0.0.1",
        )
        key = hashlib.sha256(cookie(number).encode()).hexdigest()
        changes.append(change("session", session))
        changes.append(
            change("cookie", ResourceCookie(id=key, session=session.id, resource=ResourceId("app")))
        )
    store = open_store(url)
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(changes)
    if also is not None:
        await also(store)
    await store.close()


def wait_ready(folder: Path) -> None:
    """Wait until a gateway enforces the snapshot. Raises RuntimeError with the logs."""
    deadline = time.monotonic() + _READY_SECONDS
    command = [sys.executable, "-m", "doorward.entrypoints.cli.app", "status", "--json"]
    while time.monotonic() < deadline:
        status = subprocess.run(
            [*command, "--data", str(folder)], capture_output=True, text=True, check=False
        )
        if status.returncode == 0 and json.loads(status.stdout)["gateways"]:
            return
        time.sleep(0.3)
    raise RuntimeError((folder / "processes.log").read_text())
