"""What authorization costs: requests a second through Envoy, by three ways of letting in.

- bare: doorward's own Envoy configuration without the authorization filters, what puts
  credentials away, and the access log; listeners, hardening and routes are the same.
- ticket: every request carries a valid ticket of one of 256 people.
- decision: every request carries a session cookie only, and is decided and recorded by the
  decision process (its own code, with a spool on disk).

`wrk` asks over 32 connections; the upstream is a second Envoy that answers directly. The three
take turns, and the ratios are medians over the rounds. As a cross-check that other processes
disturb less, processor time of the front Envoy per request is measured too.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gateway_decisions import DOMAIN, EPOCH, PEOPLE, resources, secret
from doorward.adapters import ca
from doorward.adapters.envoy.binary import envoy_command
from doorward.enforcement.envoy.compiler import compile_envoy
from doorward.enforcement.envoy.settings import ControlWeb, EnvoySettings, PlainListener
from doorward.enforcement.envoy.ticket import SESSION_COOKIE, TICKET_COOKIE
from doorward.model.snapshot import Snapshot

ROUNDS = 7
SECONDS = 2
CONNECTIONS = 32
HOST = f"r0.{DOMAIN}"
APPLICATION_COOKIE = "theme=dark"

_LUA = """
local requests, last = {}, 0
for line in io.lines("COOKIES") do
  requests[#requests + 1] = wrk.format("GET", "/", {["Host"] = "HOST", ["Cookie"] = line})
end
request = function()
  last = last % #requests + 1
  return requests[last]
end
"""


@dataclass
class Way:
    """One way of letting in, and what its rounds gave."""

    name: str
    port: int
    process: int
    admin: Path
    per_second: list[float] = field(default_factory=list)
    processor_us: list[float] = field(default_factory=list)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="dwb") as name, ExitStack() as stack:
        folder = Path(name)
        ways = _start(folder, stack)
        for _ in range(ROUNDS):
            for way in ways:
                _round(way, folder)
            print("  ".join(f"{way.name} {way.per_second[-1]:,.0f}/s" for way in ways), flush=True)
        figures = _figures(*ways)
    if importlib.util.find_spec("benchmarks.revocation") is not None:
        figures |= importlib.import_module("benchmarks.revocation").measure()
    print(json.dumps(figures))


def _start(folder: Path, stack: ExitStack) -> tuple[Way, Way, Way]:
    upstream, bare_port, port = _free_ports(3)
    authority = ca.create_authority("bench", time.time())
    pair = ca.issue_gateway(authority, "bench", time.time())
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "gateway.pem").write_bytes(pair.certificate)
    (folder / "gateway.key").write_bytes(pair.key)
    decisions = stack.enter_context(
        _running(
            [sys.executable, "-m", "benchmarks.gateway_decisions", str(folder)],
            stdout=subprocess.PIPE,
        )
    )
    assert decisions.stdout is not None
    jwk = decisions.stdout.readline().decode().strip()
    _envoy(folder / "upstream", _answering(upstream), stack)
    bare = _envoy(folder / "bare", _bare(_configuration(folder, jwk, bare_port, upstream)), stack)
    front = _envoy(folder / "front", _configuration(folder, jwk, port, upstream), stack)
    for each in (upstream, bare_port, port):
        _wait_for(each)
    return (
        Way("bare", bare_port, bare, folder / str(bare_port) / "admin"),
        Way("ticket", port, front, folder / str(port) / "admin"),
        Way("decision", port, front, folder / str(port) / "admin"),
    )


def _round(way: Way, folder: Path) -> None:
    cookies = folder / "cookies"
    pairs = [f"{APPLICATION_COOKIE}; {SESSION_COOKIE}={secret(n)}" for n in range(PEOPLE)]
    if way.name == "ticket":
        pairs = [f"{pair}; {_ticket(way.port, pair)}" for pair in pairs]
    elif way.name == "bare":
        # As many bytes as with a ticket.
        pairs = [f"{pair}; {TICKET_COOKIE}={'x' * 1000}" for pair in pairs]
    cookies.write_text("\n".join(pairs) + "\n")
    script = folder / "cookies.lua"
    script.write_text(_LUA.replace("COOKIES", str(cookies)).replace("HOST", HOST))
    asked = _checks(way.admin)
    before = _processor_seconds(way.process)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", str(script)]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{way.port}/"], capture_output=True, text=True, check=True
    ).stdout
    used = _processor_seconds(way.process) - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{way.name}: not every request was let in:\n{said}")
    count, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec: *([\d.]+)", said)
    assert count is not None
    assert rate is not None
    asked = _checks(way.admin) - asked
    expected = int(count[1]) if way.name == "decision" else 0
    if not expected <= asked <= expected + CONNECTIONS:
        raise SystemExit(f"{way.name}: {asked} decisions for {count[1]} requests")
    way.per_second.append(float(rate[1]))
    way.processor_us.append(used / int(count[1]) * 1e6)


def _figures(bare: Way, ticket: Way, decision: Way) -> dict[str, Any]:
    def ratio(way: Way) -> float:
        pairs = zip(way.per_second, bare.per_second, strict=True)
        return round(statistics.median(mine / its for mine, its in pairs), 3)

    def processor_ratio(way: Way) -> float:
        pairs = zip(bare.processor_us, way.processor_us, strict=True)
        return round(statistics.median(its / mine for its, mine in pairs), 3)

    ways = (bare, ticket, decision)
    return {
        "ticket_ratio": ratio(ticket),
        "decision_ratio": ratio(decision),
        **{f"{way.name}_per_second": round(statistics.median(way.per_second)) for way in ways},
        **{
            f"{way.name}_envoy_processor_us": round(statistics.median(way.processor_us), 1)
            for way in ways
        },
        "ticket_processor_ratio": processor_ratio(ticket),
        "rounds": ROUNDS,
        "round_seconds": SECONDS,
        "connections": CONNECTIONS,
        "people": PEOPLE,
        "envoy": _envoy_version(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {_model()}",
    }


def _configuration(folder: Path, jwk: str, port: int, upstream: int) -> dict[str, Any]:
    own = folder / str(port)
    own.mkdir()
    files = [str(folder / name) for name in ("gateway.pem", "gateway.key", "ca.pem")]
    settings = EnvoySettings(
        domain=DOMAIN,
        folder=str(own),
        plain=PlainListener("127.0.0.1", port),
        tls=None,
        control=ControlWeb("127.0.0.1", 1, "control.doorward", *files),
        check_socket=str(folder / "check.sock"),
        relay_socket=str(folder / "relay.sock"),
        admin_socket=str(own / "admin"),
        probe_socket=str(own / "probe"),
        ticket_jwk=jwk,
        access_log_path=str(own / "tickets.log"),
    )
    compiled = compile_envoy(Snapshot(resources=resources(upstream)), settings, EPOCH)
    complete: dict[str, Any] = json.loads(compiled.complete)
    return complete


def _bare(configuration: dict[str, Any]) -> dict[str, Any]:
    """The same without authorization: the router is the only filter that stays."""
    for listener in configuration["static_resources"]["listeners"]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"] = manager["http_filters"][-1:]
        manager.pop("access_log", None)
        for host in manager["route_config"]["virtual_hosts"]:
            host.pop("request_headers_to_add", None)
            for route in host["routes"]:
                route.pop("typed_per_filter_config", None)
    return configuration


def _answering(port: int) -> dict[str, Any]:
    """An Envoy that answers every request by itself."""
    prefix = "type.googleapis.com/envoy.extensions.filters"
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": "x" * 100}},
    }
    manager = {
        "@type": f"{prefix}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "upstream",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{prefix}.http.router.v3.Router"}}
        ],
    }
    listener = {
        "name": "upstream",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"listeners": [listener]}}


def _envoy(stem: Path, configuration: dict[str, Any], stack: ExitStack) -> int:
    bootstrap = stem.with_suffix(".json")
    bootstrap.write_text(json.dumps(configuration))
    return stack.enter_context(_running(envoy_command(bootstrap, 1))).pid


@contextmanager
def _running(command: list[str], stdout: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=stdout) as process:
        try:
            yield process
        finally:
            process.kill()


def _ticket(port: int, cookie: str) -> str:
    """A ticket, as the decision process sets it for this session."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    found = re.search(rf"{TICKET_COOKIE}=[^;]+", answer.decode())
    if found is None:
        raise SystemExit(f"no ticket was set:\n{answer.decode()}")
    return found[0]


def _checks(admin: Path) -> int:
    """How many questions Envoy asked the decision process so far."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(admin))
        path = "/stats?filter=cluster.doorward-check.upstream_rq_total"
        request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    found = re.search(rb"upstream_rq_total: (\d+)", answer)
    return int(found[1]) if found else 0


def _processor_seconds(process: int) -> float:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def _envoy_version() -> str:
    said = subprocess.run(
        [envoy_command(Path(), 1)[0], "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"/(\d+\.\d+\.\d+[^/]*)/", said)
    return found[1] if found else said.strip()


def _model() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else "unknown processor"


if __name__ == "__main__":
    main()
