"""The real Envoy between a test and what it fakes: decision process, relay, control, upstreams."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from doorward.adapters import ca
from doorward.adapters.atomic_file import replace_file
from doorward.adapters.envoy.binary import envoy_command
from doorward.adapters.ticket_signer import Es256Signer
from doorward.enforcement.envoy.check import IDENTITY_HEADERS, binding
from doorward.enforcement.envoy.compiler import compile_envoy, compile_epoch
from doorward.enforcement.envoy.routes import PROBE_HOST
from doorward.enforcement.envoy.settings import (
    ControlWeb,
    EnvoySettings,
    Limits,
    PlainListener,
    TlsListener,
)
from doorward.enforcement.envoy.ticket import TICKET_COOKIE, scope
from doorward.entrypoints.ext_authz.http_server import HttpProtocol, HttpRequest, HttpResponse
from doorward.model.estate import Action, ActionRule, Resource
from doorward.model.ids import DeviceId, LabelId, ResourceId, UserId
from doorward.model.snapshot import Snapshot
from doorward.model.spiffe import DeviceName
from doorward.protocol.ticket import TicketClaims
from tests.fakes.device_pairs import device_pair, workload_pair
from tests.integration import boundary_upstreams
from tests.tools import free_ports

DOMAIN = "example.test"
START_SECONDS = 15.0

HR_RULES = (
    ActionRule(path="/reports/*", action="read"),
    ActionRule(path="/search", action="read", methods=("POST",)),
    ActionRule(path="/admin/*", action="write"),
)

Answerer = Callable[[HttpRequest], HttpResponse]


def resource(
    name: str,
    upstream: str,
    rules: tuple[ActionRule, ...] = (),
    **more: str,
) -> Resource:
    """A resource whose id and host are `name`."""
    return Resource(
        id=ResourceId(name),
        name=name,
        host=name,
        upstream=upstream,
        label=LabelId("internal"),
        owner=UserId("alice"),
        rules=rules,
        protocol="http2" if more.get("protocol") == "http2" else "http1",
    )


def allow(_: HttpRequest) -> HttpResponse:
    """An allow that names bob from the sign-in that the decision process knows."""
    values = (
        "bob",
        "bob@example.com",
        "Bob",
        "staff",
        "ses_bob",
        "assertion.of.bob",
        "dec_2;snapshot=3",
    )
    return HttpResponse(200, list(zip(IDENTITY_HEADERS, values, strict=True)))


def deny(_: HttpRequest) -> HttpResponse:
    """A denial with everything that one may carry, and what it may not."""
    headers = [
        ("content-type", "text/plain"),
        ("location", "https://auth.example.test/start"),
        ("set-cookie", "flow=1"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'"),
        ("internal", "secret"),
    ]
    return HttpResponse(403, headers, b"denied")


@dataclass(slots=True)
class Asked:
    """The questions that Envoy asked, and the answer that it gets."""

    questions: list[HttpRequest] = field(default_factory=list)
    answer: Answerer = deny

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.questions.append(request)
        return self.answer(request)


class Stand:
    """A running Envoy with all its neighbours. `check.answer` says how questions are answered."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="dw-"))
        self.check = Asked()
        self.epoch = 7
        self.signer = Es256Signer()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._certificates()
        self.echo_port, self.rpc_port, control = asyncio.run_coroutine_threadsafe(
            self._serve(), self._loop
        ).result()
        port = free_ports(3)
        self.plain, self.tls = ("127.0.0.1", port), ("127.0.0.1", port + 1)
        self.settings = self._settings(control)
        resources = (
            resource("hr", f"http://127.0.0.1:{self.echo_port}", HR_RULES),
            resource("wiki", f"http://localhost:{self.echo_port}"),
            resource("rpc", f"http://127.0.0.1:{self.rpc_port}", protocol="http2"),
            resource("gone", f"http://127.0.0.1:{port + 2}"),
            resource("console", "control"),
        )
        self.snapshot = Snapshot(number=3, resources={item.id: item for item in resources})
        files = compile_envoy(self.snapshot, self.settings, self.epoch)
        for name in ("epoch", "rds", "cds", "lds", "bootstrap"):
            replace_file(self.folder / f"{name}.json", getattr(files, name))
        self._log = (self.folder / "envoy.log").open("wb")
        self.process = subprocess.Popen(
            envoy_command(self.folder / "bootstrap.json", 1),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self.wait_for_epoch(self.epoch)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything."""
        self.process.kill()
        self.process.wait()
        self._log.close()
        asyncio.run_coroutine_threadsafe(self._end_servers(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.folder)

    def ticket(self, resource_id: str = "hr", action: Action = "read", **other: str | int) -> str:
        """A cookie line with alice's ticket, good but for `other` claims."""
        good: dict[str, str | int] = {
            "sid": "ses_alice",
            "scp": self.scope(resource_id, action),
            "epo": str(self.epoch),
            "bnd": binding("127.0.0.1", None),
            "dec": "dec_1;snapshot=3",
            "sub": "alice",
            "email": "alice@example.com",
            "name": "Alice",
            "groups": "staff,hr",
            "asr": "assertion.of.alice",
            "exp": int(time.time()) + 60,
        }
        claims = TicketClaims(**{**good, **other})  # type: ignore[arg-type]
        return f"cookie: {TICKET_COOKIE}={self.signer.sign(claims)}"

    def scope(self, resource_id: str, action: Action) -> str:
        """What a ticket for this says."""
        return scope(self.snapshot.resources[resource_id], action)

    def move_epoch(self) -> None:
        """Write the next epoch, as the decision process does."""
        self.epoch += 1
        replace_file(self.folder / "epoch.json", compile_epoch(self.epoch))

    def held_epoch(self) -> int:
        """The epoch that Envoy says it has. Raises OSError while it is not there."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(self.settings.probe_socket)
            probe.sendall(
                f"GET /epoch HTTP/1.1\r\nhost: {PROBE_HOST}\r\nconnection: close\r\n\r\n".encode()
            )
            answer = b""
            while data := probe.recv(4096):
                answer += data
        return int(answer.partition(b"\r\n\r\n")[2].partition(b" ")[0] or b"0")

    def wait_for_epoch(self, epoch: int) -> None:
        """Until Envoy holds `epoch`."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.held_epoch() >= epoch:
                    return
            except OSError:
                pass
            time.sleep(0.005)
        raise AssertionError((self.folder / "envoy.log").read_text())

    def ticketed(self, last: str) -> list[str]:
        """The log of ticketed requests, once decision `last` is in it."""
        path = Path(self.settings.access_log_path)
        deadline = time.monotonic() + START_SECONDS
        text = ""
        while last not in text and time.monotonic() < deadline:
            time.sleep(0.05)
            text = path.read_text()
        return text.splitlines()

    def client_tls(
        self, *, device: bool = False, workload: bool = False, protocol: str = "http/1.1"
    ) -> ssl.SSLContext:
        """A client that trusts the stand's server CA, with one of the certificates or without."""
        context = ssl.create_default_context(cafile=str(self.folder / "server-ca.pem"))
        context.set_alpn_protocols([protocol])
        if device:
            context.load_cert_chain(self.folder / "device.pem", self.folder / "device.key")
        if workload:
            context.load_cert_chain(self.folder / "workload.pem", self.folder / "workload.key")
        return context

    def _certificates(self) -> None:
        now = time.time()
        server_ca = ca.create_authority("server CA", now, domains=[DOMAIN])
        control_ca = ca.create_authority("control CA", now)
        device_ca = ca.create_authority("device CA", now)
        laptop = DeviceId("laptop")
        device, self.certificate_uri = device_pair(device_ca, DOMAIN, laptop, now)
        stranger, _ = device_pair(ca.create_authority("another CA", now), DOMAIN, laptop, now)
        host = DeviceName(laptop, "ab" * 32)
        workload, self.workload_uri = workload_pair(device_ca, DOMAIN, "billing", host, now)
        pairs = {
            "server-ca": server_ca,
            "control-ca": control_ca,
            "device-ca": device_ca,
            "device": device,
            "stranger": stranger,
            "workload": workload,
            "tls": ca.issue_server(server_ca, [f"hr.{DOMAIN}", f"rpc.{DOMAIN}"], now),
            "control": ca.issue_server(control_ca, ["control.doorward.internal"], now),
            "gateway": ca.issue_gateway(control_ca, "edge", now),
        }
        for name, pair in pairs.items():
            (self.folder / f"{name}.pem").write_bytes(pair.certificate)
            (self.folder / f"{name}.key").write_bytes(pair.key)
        self.thumbprint = device.thumbprint

    async def _end_servers(self) -> None:
        for server in self._servers:
            server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self) -> tuple[int, int, int]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "control.pem", self.folder / "control.key")
        context.load_verify_locations(self.folder / "control-ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        loop = asyncio.get_running_loop()
        servers = [
            await asyncio.start_server(boundary_upstreams.echo, "127.0.0.1", 0),
            await asyncio.start_server(boundary_upstreams.rpc, "127.0.0.1", 0),
            await asyncio.start_server(boundary_upstreams.echo, "127.0.0.1", 0, ssl=context),
        ]
        echo, rpc, control = (server.sockets[0].getsockname()[1] for server in servers)
        self._servers = [
            *servers,
            await loop.create_unix_server(lambda: HttpProtocol(self.check), str(self.folder / "c")),
            await asyncio.start_unix_server(boundary_upstreams.relay, self.folder / "r"),
        ]
        return echo, rpc, control

    def _settings(self, control_port: int) -> EnvoySettings:
        def path(name: str) -> str:
            return str(self.folder / name)

        return EnvoySettings(
            domain=DOMAIN,
            folder=str(self.folder),
            plain=PlainListener(*self.plain),
            tls=TlsListener(*self.tls, path("tls.pem"), path("tls.key"), path("device-ca.pem")),
            control=ControlWeb(
                "127.0.0.1",
                control_port,
                "control.doorward.internal",
                path("gateway.pem"),
                path("gateway.key"),
                path("control-ca.pem"),
            ),
            check_socket=path("c"),
            relay_socket=path("r"),
            admin_socket=path("a"),
            probe_socket=path("p"),
            ticket_jwk=json.dumps(self.signer.jwk),
            access_log_path=path("tickets.log"),
            limits=self._limits,
        )
