"""Devices that report, each on a TLS connection of its own, until told to stop.

Usage: python -m benchmarks.devices_load PORT KEY_FOLDER CA DEVICES RATE
Every DEVICES / RATE seconds each device reports once. Prints a line of JSON for each line on
standard input: what was sent and answered since the last one. Ends with standard input.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.devices_fleet import Reporter, facts

_OK = 200
_FIRST_COUNTER = 2


class Load:
    """Sends at a steady rate, and waits for no answer before the next."""

    def __init__(self, port: int, key_folder: Path, authority: Path) -> None:
        self._port = port
        self._host = f"auth.doorward.localhost:{port}"
        self._reporter = Reporter(key_folder)
        self._tls = ssl.create_default_context(cafile=authority)
        self._statuses: Counter[str] = Counter()
        self._waited: list[float] = []

    async def run(self, devices: int, rate: float) -> None:
        """For ever: device after device, round after round."""
        number, due = 0, time.monotonic()
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due += 1 / rate
                counter = _FIRST_COUNTER + number // devices
                group.create_task(self._report(number % devices, counter))
                number += 1

    def said(self) -> dict[str, object]:
        """What came of it since this was asked last."""
        waited, statuses = sorted(self._waited), dict(self._statuses)
        self._waited, self._statuses = [], Counter()
        return {
            "statuses": statuses,
            "p50_ms": round(waited[len(waited) // 2] * 1000, 1) if waited else None,
            "p99_ms": round(waited[len(waited) * 99 // 100] * 1000, 1) if waited else None,
        }

    async def _report(self, number: int, counter: int) -> None:
        request = self._reporter.request(self._host, number, counter, facts(time.time()))
        began = time.monotonic()
        try:
            answer = await exchange(self._port, self._tls, request)
        except OSError as error:
            self._statuses[type(error).__name__] += 1
            return
        self._waited.append(time.monotonic() - began)
        status = answer[9:12].decode()
        if status != str(_OK) and not self._statuses[status]:
            sys.stderr.write(f"{answer.decode()}\n")
        self._statuses[status] += 1


async def exchange(port: int, tls: ssl.SSLContext, request: bytes) -> bytes:
    """Send a request on a connection of its own; the whole answer."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="auth.doorward.localhost"
    )
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


async def main(port: int, key_folder: Path, authority: Path, devices: int, rate: float) -> None:
    """Drive it."""
    load, ended = Load(port, key_folder, authority), asyncio.Event()

    def asked() -> None:
        if sys.stdin.readline():
            print(json.dumps(load.said()), flush=True)
        else:
            ended.set()

    asyncio.get_running_loop().add_reader(sys.stdin, asked)
    running = asyncio.create_task(load.run(devices, rate))
    await ended.wait()
    running.cancel()


if __name__ == "__main__":
    port_, keys_, ca_, devices_, rate_ = sys.argv[1:]
    asyncio.run(main(int(port_), Path(keys_), Path(ca_), int(devices_), float(rate_)))
