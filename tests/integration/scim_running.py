"""A whole doorward (control, gateway, Envoy as processes) with a directory, and clients of it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from scim2_client.client import BaseSyncSCIMClient, RawResponse
from scim2_client.errors import RequestNetworkException

from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import open_store
from doorward.config import DataFolder, load_control
from doorward.entrypoints.cli.init import initialise
from doorward.estate import parse_estate
from doorward.model.identity import ResourceCookie, ServiceToken, Session
from doorward.model.ids import ResourceId, ServiceId, ServiceTokenId, SessionId, UserId
from doorward.model.snapshot import Change, change
from tests.e2e.demo import PORTS
from tests.integration.gateway_upstream import Upstream
from tests.tools import free_ports

DOMAIN = "doorward.localhost"
READY_SECONDS = 60.0

TOML = """\
[[label]]
id = "internal"
name = "Internal"
sensitivity = 20

[[user]]
id = "owner"
name = "Owner"
email = "owner@example.org"

[[service]]
id = "idp"
name = "Identity provider"

[[service]]
id = "other"
name = "Something else"

[[resource]]
id = "console"
name = "Console"
host = "console"
upstream = "control"
label = "internal"
owner = "owner"

[[resource]]
id = "directory"
name = "Directory"
host = "directory"
upstream = "scim"
label = "internal"
owner = "owner"

[[resource]]
id = "wiki"
name = "Wiki"
host = "wiki"
upstream = "http://127.0.0.1:{http}"
label = "internal"
owner = "owner"

[[resource]]
id = "chat"
name = "Chat"
host = "chat"
upstream = "http://127.0.0.1:{websocket}"
label = "internal"
owner = "owner"
"""
CEDAR = """\
@id("on-call")
permit (principal in Group::"on-call", action, resource in Label::"internal");
@id("idp")
permit (principal == Service::"idp", action, resource);
@id("other-reads")
permit (principal == Service::"other", action == Action::"read", resource == Resource::"directory");
"""


def files(upstream: Upstream) -> dict[str, str]:
    toml = TOML.replace("{http}", str(upstream.port)).replace(
        "{websocket}", str(upstream.websocket_port)
    )
    return {"estate.toml": toml, "policies.cedar": CEDAR}


@dataclass
class Running:
    """Where it runs; `tokens` are bearer tokens by service, good at the directory alone."""

    data: DataFolder
    port: int
    upstream: Upstream
    tokens: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def client(self, host: str, token: str = "", **headers: str) -> httpx.Client:
        """An HTTP client for a host of this installation."""
        named = {"host": f"{host}.{DOMAIN}:{self.port}"} | headers
        if token:
            named["authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=named, timeout=30)

    def printed(self) -> str:
        return (self.data.root / "processes.log").read_text("utf-8", errors="replace")

    def api(self) -> httpx.Client:
        """The operator's API."""
        transport = httpx.HTTPTransport(uds=str(self.data.api_socket))
        return httpx.Client(transport=transport, base_url="http://api/api/v1")

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.upstream.close()


def start(
    folder: Path,
    estate: Callable[[Upstream], dict[str, str]] = files,
    opens: str = "directory",
    settings: str = "",
) -> Running:
    """Start it and wait until the gateway enforces the estate; the tokens open one resource.

    `settings` are more lines of `doorward.toml`.
    """
    data, upstream, port = DataFolder(folder / "data"), Upstream(), free_ports(PORTS)
    initialise(data, domain=DOMAIN, port=port, organisation="example")
    data.settings.write_text(data.settings.read_text() + settings)
    url = data.store_url(load_control(data.settings))
    upgrade(url)
    tokens, changes = {}, list(_declared(estate(upstream)))
    for service in ("idp", "other"):
        bearer, issued = service_token(service, opens)
        tokens[service] = bearer
        changes.append(issued)
    asyncio.run(_publish(url, changes))
    running = Running(data, port, upstream, tokens)
    modules = {
        "doorward.entrypoints.control.process": data.root,
        "doorward.entrypoints.gateway.main": data.gateway,
    }
    try:
        for module, path in modules.items():
            with (data.root / "processes.log").open("ab") as log:
                running.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", module, str(path)], stdout=log, stderr=log
                    )
                )
        _wait_ready(running)
    except BaseException:
        running.stop()
        raise
    return running


def service_token(service: str, *resources: str) -> tuple[str, Change]:
    """A bearer token for `resources`, and its document."""
    secret, token_id, now = secrets.token_urlsafe(32), f"dwt_{secrets.token_hex(8)}", time.time()
    token = ServiceToken(
        id=ServiceTokenId(token_id),
        service=ServiceId(service),
        secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        resources=tuple(ResourceId(resource) for resource in resources),
        issued_at=now,
        expires_at=now + 3600,
    )
    return f"{token_id}.{secret}", change("service_token", token)


def signed_in(user: str, resource: str) -> tuple[str, list[Change]]:
    """A cookie of a new session at `resource`, and the documents behind it."""
    now, secret = time.time(), secrets.token_urlsafe(32)
    session = Session(
        id=SessionId(f"ses_{secrets.token_hex(8)}"),
        user=UserId(user),
        started_at=now,
        expires_at=now + 3600,
        authenticated_at=now,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="127.0.0.1",
    )
    cookie = ResourceCookie(
        id=hashlib.sha256(secret.encode()).hexdigest(),
        session=session.id,
        resource=ResourceId(resource),
    )
    changes = [change("session", session), change("cookie", cookie)]
    return f"__Host-doorward-session={secret}", changes


def publish(running: Running, changes: Iterable[Change]) -> None:
    """Write documents beside the running control plane, which follows its store."""
    url = running.data.store_url(load_control(running.data.settings))
    asyncio.run(_publish(url, list(changes)))


async def _publish(url: str, changes: list[Change]) -> None:
    store = open_store(url)
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(changes)
    await store.close()


def _declared(estate: dict[str, str]) -> Iterable[Change]:
    for kind, documents in parse_estate(estate).documents.items():
        for document in documents.values():
            yield change(kind, document)


def _wait_ready(running: Running) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if _listens(running.data.api_socket):
            with running.api() as api:
                if api.get("/status").json()["ok"]:
                    return
        time.sleep(0.2)
    raise AssertionError(running.printed())


def _listens(path: Path) -> bool:
    """The socket's file is there a moment before anybody listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class HttpxScimClient(BaseSyncSCIMClient):
    """The client of `scim2-client` on httpx, whose own engine wants another library."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        super().__init__()
        self._client = client
        self._base_url = base_url

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return endpoint.startswith(("/", self._base_url))

    def _parse_json(self, response: RawResponse) -> Any:
        return cast("httpx.Response", response).json()

    def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        path = url.removeprefix(self._base_url)
        try:
            return self._client.request(method, f"/scim/v2{path}", **kwargs)
        except httpx.RequestError as error:
            raise RequestNetworkException from error


@contextmanager
def scim_client(running: Running) -> Any:
    """A SCIM client of the identity provider, through the gateway."""
    base = f"http://directory.{DOMAIN}:{running.port}/scim/v2"
    with running.client("directory", running.tokens["idp"]) as client:
        yield HttpxScimClient(client, base)
