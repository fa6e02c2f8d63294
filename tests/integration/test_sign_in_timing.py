"""Coarse real time: no answer comes sooner, or later, because somebody has that name."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace

import httpx
import pytest

from doorward.adapters.passwords import Argon2idHasher
from doorward.administrator.authentication import AttemptRejectedError
from doorward.administrator.mail import Mail
from doorward.administrator.sign_in_password import sign_in_password
from tests.fakes.sign_in import ALICE, AUTH_HOST, PASSWORD, browser_at, desk
from tests.integration.login_stand import served

ROUNDS = 7
REQUESTS = 4
MAIL_SECONDS = 1.0


async def test_unknown_name_wrong_password_and_wrong_code_take_the_same_time() -> None:
    office = await desk()
    office.authenticators = replace(office.authenticators, hasher=Argon2idHasher(time_cost=1))
    await office.with_password(ALICE)
    cases = {
        "unknown name": ("mallory", PASSWORD),
        "no password set": ("bob", PASSWORD),
        "wrong password": ("alice", "not these words at all"),
        "wrong code": ("alice", PASSWORD),
    }
    taken: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(ROUNDS):
        for case, (name, password) in cases.items():
            began = time.perf_counter()
            with pytest.raises(AttemptRejectedError):
                await sign_in_password(
                    office.authenticators,
                    browser_at(f"10.0.0.{number}"),
                    name=name if name != "alice" else ("alice", "alice@example.test")[number % 2],
                    password=password,
                    code="000000",
                    now=office.now,
                )
            taken[case].append(time.perf_counter() - began)
    medians = {case: statistics.median(times) for case, times in taken.items()}
    # Without the decoy hash an unknown name answers in a few hundredths of the time.
    assert min(medians.values()) > 0.5 * max(medians.values()), medians


async def test_asking_for_recovery_takes_as_long_for_nobody() -> None:
    """Mail is slow, and leaves when the answer has been given."""
    sent: list[str] = []
    all_sent = asyncio.Event()

    async def slow(mail: Mail) -> None:
        await asyncio.sleep(MAIL_SECONDS)
        sent.append(mail.to)
        if len(sent) == REQUESTS:
            all_sent.set()

    taken: dict[str, list[float]] = {"alice": [], "mallory": []}
    async with served() as (office, origin):
        office.control.mailer.send = slow  # type: ignore[method-assign]
        local = origin.replace(AUTH_HOST, "127.0.0.1")
        host = origin.removeprefix("http://")
        for number in range(REQUESTS):
            for name, times in taken.items():
                headers = {
                    "host": host,
                    "origin": origin,
                    "sec-fetch-site": "same-origin",
                    "x-forwarded-for": f"10.0.{len(times)}.{number}",
                    "cookie": f"__Host-doorward-flow={name}-{number}-flow-secret",
                }
                async with httpx.AsyncClient(base_url=local, headers=headers) as client:
                    began = time.perf_counter()
                    answer = await client.post("/recovery", data={"name": name})
                    times.append(time.perf_counter() - began)
                    assert (answer.status_code, answer.headers["location"]) == (303, "/recovery")
        await asyncio.wait_for(all_sent.wait(), 10)
    assert sent == ["alice@example.test"] * REQUESTS
    medians = {name: statistics.median(times) for name, times in taken.items()}
    assert max(medians.values()) < MAIL_SECONDS / 2, medians
