"""Signing in with a passkey, through Envoy: `python -m benchmarks.sign_in`.

A whole doorward (control, gateway, Envoy) with 2,000 people, each with a passkey and a session
from earlier. Browsers come from 250 addresses of the loopback network, so that the throttle counts
them as it would in life. A sign-in is two requests: options for the ceremony, and its answer. What
is counted is the time in which the server is waited for, not the signing by the browser's side. The
browsers share the machine with what they wait for, so they do no more than they must.

- `signin_p99_ms`: arrivals at random, 20 a second, both requests of a sign-in together.
- `signins_per_second`: 16 browsers without a pause; control has one core for itself, and Envoy,
  gateway and browsers share the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.installation import Installation, estate_files, running
from doorward.adapters.store.store import open_store
from doorward.administrator.ports import Passkey
from doorward.config import load_control
from doorward.model.ids import UserId
from tests.fakes.authenticator import SoftwareAuthenticator

PEOPLE = 2_000
RATE = 20
ARRIVALS = 1_200
BROWSERS = 16
SECONDS = 15.0
_ADDRESSES = 250
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Browser:
    """HTTP/1.1 on a kept connection, from the `number`th address of the loopback network."""

    def __init__(self, port: int, number: int) -> None:
        self._port = port
        self._address = f"127.1.{number % _ADDRESSES // 100}.{number % 100 + 1}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def post(self, path: str, headers: str, body: object) -> tuple[float, bytes]:
        """The seconds waited, and the answer's body. Raises RuntimeError unless it is 200."""
        content = json.dumps(body).encode()
        request = (
            f"POST {path} HTTP/1.1\r\n{headers}content-type: application/json\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        ).encode() + content
        async with self._turn:
            begun = time.perf_counter()
            if self._streams is None:
                self._streams = await asyncio.open_connection(
                    "127.0.0.1", self._port, local_addr=(self._address, 0)
                )
            reader, writer = self._streams
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            answer = await reader.readexactly(int(length[1]) if length else 0)
            waited = time.perf_counter() - begun
        if not head.startswith(b"HTTP/1.1 200 "):
            message = f"{path}: {head.decode()}{answer.decode()}"
            raise RuntimeError(message)
        return waited, answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


class Person:
    """Somebody with a passkey; `sign_in` answers the seconds waited for the server."""

    def __init__(self, number: int, port: int) -> None:
        self.user = UserId(f"u{number}")
        self.origin = f"http://auth.doorward.localhost:{port}"
        rp_id = "auth.doorward.localhost"
        self.device = SoftwareAuthenticator(self.origin, rp_id)
        self.device.user_handle = hashlib.sha256(f"{rp_id}\n{self.user}".encode()).digest()

    def passkey(self, now: float) -> Passkey:
        """What the store holds of it."""
        created = self.device.create({"challenge": "", "user": {"id": ""}})
        self.device.user_handle = hashlib.sha256(
            f"{self.device.rp_id}\n{self.user}".encode()
        ).digest()
        return Passkey(
            id=str(created["id"]),
            user=self.user,
            name="Passkey",
            public_key=self.device.cose(),
            sign_count=0,
            transports=("internal",),
            aaguid="00000000-0000-0000-0000-000000000000",
            created_at=now,
        )

    async def sign_in(self, browser: Browser) -> float:
        flow = hashlib.sha256(self.user.encode()).hexdigest()[:43]
        headers = (
            f"host: {self.origin.removeprefix('http://')}\r\norigin: {self.origin}\r\n"
            f"sec-fetch-site: same-origin\r\ncookie: __Host-doorward-flow={flow}\r\n"
        )
        for_options, options = await browser.post("/webauthn/sign-in/options", headers, {})
        credential = self.device.get(json.loads(options))
        for_session, _ = await browser.post(
            "/webauthn/sign-in", headers, {"credential": credential}
        )
        return for_options + for_session


async def _arrivals(people: list[Person], port: int) -> list[float]:
    browsers = [Browser(port, number) for number in range(_ADDRESSES)]
    chance = random.Random(3)  # the same arrivals in every run
    waits: list[float] = []

    async def one(number: int) -> None:
        person = people[number % len(people)]
        waits.append(await person.sign_in(browsers[number % len(browsers)]))

    async with asyncio.TaskGroup() as group:
        for number in range(ARRIVALS):
            group.create_task(one(number))
            await asyncio.sleep(chance.expovariate(RATE))
    for browser in browsers:
        browser.close()
    return waits


async def _without_pause(people: list[Person], port: int) -> float:
    browsers = [Browser(port, number) for number in range(_ADDRESSES)]
    begun = time.perf_counter()
    done = 0

    async def browse(slot: int) -> None:
        nonlocal done
        number = slot
        while time.perf_counter() < begun + SECONDS:
            person = people[number % len(people)]
            await person.sign_in(browsers[number % len(browsers)])
            number += BROWSERS
            done += 1

    await asyncio.gather(*(browse(slot) for slot in range(BROWSERS)))
    rate = done / (time.perf_counter() - begun)
    for browser in browsers:
        browser.close()
    return rate


async def _register(installation: Installation) -> list[Person]:
    people = [Person(number, installation.port) for number in range(PEOPLE)]
    store = open_store(installation.folder.store_url(load_control(installation.folder.settings)))
    async with store.transaction() as transaction:
        for person in people:
            await transaction.credentials.put(person.passkey(time.time()))
    await store.close()
    return people


def _pin(installation: Installation) -> None:
    """Control has the first core, everything else the second, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return
    for task in Path("/proc").glob("[0-9]*/task/[0-9]*"):
        pid = int(task.parent.parent.name)
        if pid == installation.processes["control"].pid:
            os.sched_setaffinity(int(task.name), {cores[0]})
    for pid in _family(installation.processes["gateway"].pid) | {os.getpid()}:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cores[1]})


def _family(pid: int) -> set[int]:
    found = {pid}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found |= _family(int(child))
    return found


async def _measure(installation: Installation) -> dict[str, object]:
    people = await _register(installation)
    print("signing in, 20 a second", file=sys.stderr)
    waits = await _arrivals(people, installation.port)
    await asyncio.sleep(60)  # the throttle's minute
    mine = os.sched_getaffinity(0)
    _pin(installation)
    print("signing in, without a pause", file=sys.stderr)
    rate = await _without_pause(people, installation.port)
    os.sched_setaffinity(0, mine)  # what is started later has all cores again
    ordered = sorted(1000 * wait for wait in waits)
    return {
        "signin_p99_ms": round(ordered[len(ordered) * 99 // 100], 1),
        "signin_median_ms": round(statistics.median(ordered), 1),
        "signins_per_second": round(rate, 1),
        "signin_people": PEOPLE,
    }


def measure() -> dict[str, object]:
    """The figures of both parts."""
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as folder:
        files = estate_files(9, PEOPLE, 20)
        with running(Path(folder) / "data", files, 9, PEOPLE) as installation:
            return asyncio.run(_measure(installation))


if __name__ == "__main__":
    print(json.dumps(measure()))
