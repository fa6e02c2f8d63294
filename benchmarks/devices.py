"""Devices that report: `python -m benchmarks.devices`. The last line is JSON.

A whole doorward (control, gateway with Envoy and decision process) with 50,000 enrolled devices.

- `reports_core_share`: every device reports every 5 minutes, 15 facts signed with its P-256 key,
  each report on a TLS connection of its own through Envoy. Counted is the processor time of
  control, the gateway's parent, Envoy and the decision process, over wall time, in a minute of
  that; the devices' own work (keys, signatures, their end of TLS) is not. `reports_core_share_cold`
  is the minute before, in which control reads each device from the store, as after a start.
  After its start control looks at every device once, and the load waits for that:
  `start_settled_s`.
- `leaf_ms`: one certificate through the use case, by `devices_leaf.py`.
- `posture_p99_ms`: under that load a device sends a report that turns it unhealthy, while its
  person keeps asking with its certificate on an open connection, on new ones, and holds a WebSocket
  that gets a message every 2 ms: from sending the report to the last answer or message.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks import devices_leaf
from benchmarks.client import Client
from benchmarks.devices_fleet import (
    PEOPLE,
    Reporter,
    device_id,
    document,
    enrol,
    estate_files,
    facts,
)
from benchmarks.devices_load import exchange
from benchmarks.installation import Installation, cookie, running
from benchmarks.stale import last_answers
from doorward.adapters import installation as files_of
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.administrator.fleet.ports import IssuedCertificate
from doorward.administrator.ports import Store
from doorward.config import load_control
from doorward.model.spiffe import device_spiffe_id
from tests.fakes.device_pairs import csr_for

DEVICES = 50_000
RATE = DEVICES / 300
SAMPLE_SECONDS = 60.0
VICTIMS = 60
_DOMAIN = "doorward.localhost"
_IDLE_SECONDS = 5.0
_IDLE_SHARE = 0.1
_START_SECONDS = 300.0
_HOUR = 3600
_FIRST_VICTIM = 30_000


class Rig:
    """The installation, its device CA, and the load on it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        keys = installation.folder.keys
        self.port = load_control(installation.folder.settings).https_port
        self.authority = keys / "server-ca.pem"
        self.ca = LocalDeviceAuthority(files_of.read_pair(keys, "device-ca"))
        self.reporter = Reporter(keys)
        self._load: subprocess.Popen[str] | None = None

    def start_load(self, devices: int) -> None:
        """`devices` of them report as often as 50,000 would."""
        module = [sys.executable, "-m", "benchmarks.devices_load", str(self.port)]
        arguments = [str(self.installation.folder.keys), str(self.authority), str(devices)]
        self._load = subprocess.Popen(
            [*module, *arguments, str(RATE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> dict[str, object]:
        """What came of the load since the last time."""
        load = self._load
        if load is None or load.stdin is None or load.stdout is None:
            raise RuntimeError("no load was started")
        load.stdin.write("?\n")
        load.stdin.flush()
        found: dict[str, object] = json.loads(load.stdout.readline())
        return found

    def stop_load(self) -> None:
        """End it."""
        if self._load is not None and self._load.stdin is not None:
            self._load.stdin.close()
            self._load.wait(20)

    def certificate(self, number: int) -> tuple[ec.EllipticCurvePrivateKey, IssuedCertificate]:
        """A certificate of the device for a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = device_spiffe_id(_DOMAIN, device_id(number), document(number).key)
        return key, self.ca.issue(csr_for(key), name, time.time(), _HOUR)

    def browser(self, number: int, folder: Path) -> ssl.SSLContext:
        """TLS that shows the device's certificate."""
        key, issued = self.certificate(number)
        file = folder / f"{number}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + x509.load_der_x509_certificate(issued.certificate).public_bytes(
                serialization.Encoding.PEM
            )
        )
        tls = ssl.create_default_context(cafile=self.authority)
        tls.load_cert_chain(file)
        return tls


def core_share(rig: Rig, seconds: float) -> dict[str, float]:
    """The share of one core that each process took, by name, and of all of them."""
    before, began = _processor_seconds(rig.installation), time.monotonic()
    time.sleep(seconds)
    after, took = _processor_seconds(rig.installation), time.monotonic() - began
    shares = {name: (after[name] - before.get(name, 0.0)) / took for name in after}
    return {name: round(share, 3) for name, share in shares.items()} | {
        "all": round(sum(shares.values()), 3)
    }


def _processor_seconds(installation: Installation) -> dict[str, float]:
    """User and system time of control, and of the gateway and its children by command."""
    control, gateway = (installation.processes[name].pid for name in ("control", "gateway"))
    found = {"control": _seconds(control), "gateway": _seconds(gateway)}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(int(entry.name)) == gateway:
            name = (entry / "comm").read_text().strip()
            found[name] = found.get(name, 0.0) + _seconds(int(entry.name))
    return found


def _stat(process: int) -> list[str]:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _parent(process: int) -> int:
    fields = _stat(process)
    return int(fields[1]) if fields else 0


def _seconds(process: int) -> float:
    fields = _stat(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


async def posture_ms(rig: Rig, folder: Path, victims: int) -> dict[str, list[float]]:
    """Milliseconds from each report to the last stale answer, by kind of connection."""
    results: dict[str, list[float]] = {}
    host = f"app.{_DOMAIN}:{rig.port}"
    auth = f"auth.{_DOMAIN}:{rig.port}"
    plain = ssl.create_default_context(cafile=rig.authority)
    for number in range(_FIRST_VICTIM, _FIRST_VICTIM + victims):
        tls = rig.browser(number, folder)

        def client(number: int = number, tls: ssl.SSLContext = tls) -> Client:
            return Client(rig.port, host, cookie(number % PEOPLE), tls)

        async def fall_ill(number: int = number) -> None:
            ill = facts(time.time(), firewall=False)
            answer = await exchange(rig.port, plain, rig.reporter.request(auth, number, 2, ill))
            if b" 200 " not in answer[:16]:
                raise RuntimeError(answer.decode())

        for kind, milliseconds in (await last_answers(client, fall_ill)).items():
            results.setdefault(kind, []).append(milliseconds)
    return results


def p99(values: list[float]) -> float:
    """The 99th percentile, by the nearest rank."""
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


def measure(devices: int = DEVICES, seconds: float = SAMPLE_SECONDS) -> dict[str, object]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as name:
        folder, port = Path(name), _free_port()
        upstream = subprocess.Popen([sys.executable, "-m", "benchmarks.upstream", str(port)])
        files = estate_files(port)

        async def fleet(store: Store) -> None:
            await enrol(store, devices, time.time())

        try:
            with running(folder / "data", files, port, PEOPLE, also=fleet) as installation:
                return _measured(Rig(installation), folder, seconds)
        finally:
            upstream.terminate()
            upstream.wait()


def _measured(rig: Rig, folder: Path, seconds: float) -> dict[str, object]:
    began = time.monotonic()
    while (idle := core_share(rig, _IDLE_SECONDS))["all"] > _IDLE_SHARE:
        if time.monotonic() - began > _START_SECONDS:
            raise RuntimeError(f"control is busy for too long after its start: {idle}")
    settled = time.monotonic() - began
    # So many that each of them reports once in a sample: the second time control knows them.
    rig.start_load(int(RATE * seconds))
    try:
        cold = core_share(rig, seconds)
        first = rig.said()
        warm = core_share(rig, seconds)
        second = rig.said()
        results = asyncio.run(posture_ms(rig, folder, VICTIMS))
        third = rig.said()
    finally:
        rig.stop_load()
    pooled = [value for values in results.values() for value in values]
    return {
        "reports_core_share": warm["all"],
        "reports_core_share_cold": cold["all"],
        "reports_core_share_by": warm,
        "reports_core_share_idle": idle["all"],
        "start_settled_s": round(settled, 1),
        "reports": [first, second, third],
        "leaf_ms": round(devices_leaf.measure(), 3),
        "posture_p99_ms": round(p99(pooled), 1),
        "posture_median_ms": round(statistics.median(pooled), 1),
        "posture_p99_ms_by": {kind: round(p99(values), 1) for kind, values in results.items()},
        "devices": DEVICES,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    print(json.dumps(measure()))
