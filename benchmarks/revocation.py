"""From a signal to the last stale answer: `python -m benchmarks.revocation`.

A whole doorward (control, gateway, Envoy) with 2,000 sessions serves 1,000 requests a second of
others. Against it one victim at a time keeps asking: without pause on an open connection, on new
connections, and on an open WebSocket that gets a message every 2 ms. A signal is sent by the API,
and the time counts from the moment it is sent to the last answer or message that the victim got.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import httpx

from benchmarks.client import Client
from benchmarks.installation import Installation, cookie, estate_files, running
from benchmarks.stale import last_answers

SESSIONS = 2000
RATE = 1000
CONNECTIONS = 200
SIGNALS = 120
_GROUPS = 20
KINDS = ("session revoked", "person disabled", "risk raised", "group changed")


async def _one(
    installation: Installation, victim: int, send: Callable[[], Awaitable[None]]
) -> dict[str, float]:
    """Milliseconds from the signal to the last stale answer of each kind."""

    def client() -> Client:
        return Client(installation.port, installation.host, cookie(victim))

    return await last_answers(client, send)


def _signal(kind: str, victim: int) -> tuple[str, str, dict[str, object]]:
    user = f"/users/u{victim}"
    signals: dict[str, tuple[str, str, dict[str, object]]] = {
        "session revoked": ("DELETE", f"/sessions/ses_{victim}", {}),
        "person disabled": ("POST", f"{user}/disable", {}),
        "risk raised": ("PUT", f"{user}/risk", {"risk": 90}),
        "group changed": ("PUT", f"{user}/groups", {"groups": []}),
    }
    return signals[kind]


async def _measure(installation: Installation) -> dict[str, list[float]]:
    path = str(installation.folder.api_socket)
    api = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=path), base_url="http://x/api/v1", timeout=30
    )

    async def call(method: str, path: str, body: dict[str, object]) -> None:
        (
            await api.request(method, path, json=None if method == "DELETE" else body)
        ).raise_for_status()

    async def apply(without: int) -> None:
        files = estate_files(installation.upstream_port, SESSIONS, _GROUPS, without)
        await call("POST", "/estate/apply", {"files": files})

    results: dict[str, list[float]] = {}
    for number in range(SIGNALS):
        victim = CONNECTIONS + number
        kind = KINDS[number % len(KINDS)]
        found = await _one(installation, victim, partial(call, *_signal(kind, victim)))
        for where, milliseconds in found.items():
            results.setdefault(where, []).append(milliseconds)
            results.setdefault(kind, []).append(milliseconds)
    for number in range(SIGNALS, SIGNALS + 4):
        victim = CONNECTIONS + number
        found = await _one(installation, victim, partial(apply, victim % _GROUPS))
        results.setdefault("policy changed", []).extend(found.values())
        await apply(-1)
    await api.aclose()
    return results


def measure() -> dict[str, object]:
    """The figures; `revocation_p99_ms` is over every kind of signal and of connection."""
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as folder:
        port = _free_port()
        upstream = subprocess.Popen([sys.executable, "-m", "benchmarks.upstream", str(port)])
        try:
            files = estate_files(port, SESSIONS, _GROUPS)
            with running(Path(folder) / "data", files, port, SESSIONS) as installation:
                return _under_load(installation)
        finally:
            upstream.terminate()
            upstream.wait()


def _under_load(installation: Installation) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.load", str(installation.port)]
    arguments = [installation.host, "0", str(CONNECTIONS), str(RATE)]
    load = subprocess.Popen(
        [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    time.sleep(3)
    results = asyncio.run(_measure(installation))
    said, _ = load.communicate(timeout=30)
    pooled = [value for kind in ("connection", "new", "websocket") for value in results[kind]]
    pooled += results["policy changed"]
    return {
        "revocation_p99_ms": round(_p99(pooled), 1),
        "revocation_median_ms": round(statistics.median(pooled), 1),
        "revocation_p99_ms_by": {kind: round(_p99(values), 1) for kind, values in results.items()},
        "revocation_signals": SIGNALS + 4,
        "revocation_sessions": SESSIONS,
        "revocation_load": json.loads(said),
    }


def _p99(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    print(json.dumps(measure()))
