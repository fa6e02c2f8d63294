"""Signing in with a passkey, through Envoy: `python -m benchmarks.sign_in`.

A whole doorward (control, gateway, Envoy) with 2,000 people, each with a passkey and a session
from earlier. Browsers come from 250 addresses of the loopback network, so that the throttle counts
them as it would in life. A sign-in is two requests: options for the ceremony, and its answer. What
is counted is the time in which the server is waited for, not the signing by the browser's side.

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
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

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
_OK = 200
_NO_TLS = ssl.create_default_context()  # made once: it costs more than a sign-in


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

    async def sign_in(self, http: httpx.AsyncClient) -> float:
        headers = {
            "host": self.origin.removeprefix("http://"),
            "origin": self.origin,
            "sec-fetch-site": "same-origin",
            "cookie": f"__Host-doorward-flow={hashlib.sha256(self.user.encode()).hexdigest()[:43]}",
        }
        waited = time.perf_counter()
        options = await http.post("/webauthn/sign-in/options", json={}, headers=headers)
        waited = time.perf_counter() - waited
        _require(options)
        body = {"credential": self.device.get(options.json())}
        begun = time.perf_counter()
        answer = await http.post("/webauthn/sign-in", json=body, headers=headers)
        waited += time.perf_counter() - begun
        _require(answer)
        return waited


def _require(answer: httpx.Response) -> None:
    if answer.status_code != _OK:
        message = f"{answer.request.url}: {answer.status_code} {answer.text}"
        raise RuntimeError(message)


def _browser(port: int, number: int) -> httpx.AsyncClient:
    address = f"127.1.{number % _ADDRESSES // 100}.{number % 100 + 1}"
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=_NO_TLS)
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=30, cookies=None
    )


async def _arrivals(people: list[Person], port: int) -> list[float]:
    browsers = [_browser(port, number) for number in range(_ADDRESSES)]
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
        await browser.aclose()
    return waits


async def _without_pause(people: list[Person], port: int) -> float:
    browsers = [_browser(port, number) for number in range(_ADDRESSES)]
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
        await browser.aclose()
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
