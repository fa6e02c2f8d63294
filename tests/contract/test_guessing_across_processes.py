"""Whoever guesses gets no more attempts by asking two control processes, or after a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.store.store import SqlStore, open_store
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.administrator.authentication import Authenticators, TooManyAttemptsError
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.answer_enrolment import claim_enrolment
from doorward.administrator.guesses import (
    CONTACT_CODES,
    ENROLMENT_CODE,
    PASSWORD_BY_NAME,
    PASSWORD_OF_PERSON,
)
from doorward.administrator.ports import Password, Totp
from doorward.administrator.proofing.confirm_contact import send_code
from doorward.administrator.sign_in_password import sign_in_password
from doorward.bootstrap import LIMITS
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.snapshot import Snapshot, change
from tests.fakes.fleet import fleet_on
from tests.fakes.sign_in import ALICE, NOON, PASSWORD, CountingHasher, browser_at, desk
from tests.fakes.store import KeptMail, ObedientGateways

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PERSON = User(id=ALICE, name="Alice Adams", email="alice@example.test")
NAMES = ("alice", "alice@example.test")


class Loaded:
    """Port `LiveSnapshot` that was loaded once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot

    async def reached(self, number: int) -> Snapshot:
        assert self.current.number == number
        return self.current


class Process:
    """One control process, with a store connection, a throttle and a hasher of its own."""

    def __init__(self, store: SqlStore, parts: Authenticators, snapshot: Snapshot) -> None:
        self.store = store
        self.hasher = CountingHasher()
        control = ControlPlane(
            store, Loaded(snapshot), ObedientGateways(), SystemSecrets(), KeptMail()
        )
        self.parts = replace(
            parts, control=control, hasher=self.hasher, throttle=SlidingWindowThrottle(LIMITS)
        )

    async def guess(self, number: int, name: str = "alice", now: float = NOON) -> str:
        """What an attempt with a wrong code from an address of its own ends in."""
        try:
            await sign_in_password(
                self.parts,
                browser_at(f"10.{number // 250}.0.{number % 250}"),
                name=name,
                password=PASSWORD,
                code="000000",
                now=now,
            )
        except TooManyAttemptsError as error:
            return error.code
        except DoorwardError as error:
            return str(getattr(error, "why", error.code))
        return "in"


@asynccontextmanager
async def started(url: str) -> AsyncIterator[Process]:
    store, parts = open_store(url), (await desk()).authenticators
    try:
        yield Process(store, parts, await store.load())
    finally:
        await store.close()


@pytest.fixture
async def url(store_url: str) -> str:
    """A store in which alice has a password and an authenticator app."""
    store, parts = open_store(store_url), (await desk()).authenticators
    sealed = parts.sealer.seal(SECRET.encode(), f"totp:{ALICE}")
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", PERSON)])
        await transaction.credentials.put(Password(user=ALICE, hash=f"hash of {PASSWORD}"))
        await transaction.credentials.put(Totp(user=ALICE, sealed_secret=sealed, last_step=0))
    await store.close()
    return store_url


@pytest.mark.parametrize("name", ["alice", "mallory"])
async def test_two_processes_let_no_more_guesses_through_than_one(url: str, name: str) -> None:
    async with started(url) as one, started(url) as other:
        answers = Counter(
            await asyncio.gather(
                *((one, other)[number % 2].guess(number, name) for number in range(30))
            )
        )
        looked_at = one.hasher.verified + other.hasher.verified
    why = "wrong-code" if name == "alice" else "unknown-account"
    assert answers == {why: PASSWORD_BY_NAME.attempts, "too-many-attempts": 20}
    assert looked_at == PASSWORD_BY_NAME.attempts


async def test_names_of_one_person_at_two_processes_are_one_count(url: str) -> None:
    async with started(url) as one, started(url) as other:
        answers = Counter(
            await asyncio.gather(
                *(
                    (one, other)[number % 2].guess(number, NAMES[number // 2 % 2])
                    for number in range(20)
                )
            )
        )
    assert answers == {
        "wrong-code": PASSWORD_OF_PERSON.attempts,
        "too-many-attempts-for-person": 10,
    }


async def test_a_restart_forgets_no_guess(url: str) -> None:
    answers: Counter[str] = Counter()
    for start in range(3):
        async with started(url) as process:
            for number in range(5):
                answers[await process.guess(100 * start + number)] += 1
    assert answers == {"wrong-code": PASSWORD_BY_NAME.attempts, "too-many-attempts": 5}


async def test_codes_of_devices_and_of_mail_are_counted_for_all_processes(url: str) -> None:
    async with started(url) as one, started(url) as other:

        async def claim(process: Process) -> object:
            fleet = fleet_on(process.parts.control)
            return await claim_enrolment(fleet, Act(f"user:{ALICE}", NOON), ALICE, "00000000")

        async def send(process: Process) -> object:
            return await send_code(process.parts, browser_at("10.0.0.1"), ALICE, NOON)

        assert await ends(claim, one, other) == {
            "enrolment-code-wrong": ENROLMENT_CODE.attempts,
            "too-many-attempts": 12 - ENROLMENT_CODE.attempts,
        }
        assert await ends(send, one, other) == {
            "done": CONTACT_CODES.attempts,
            "contact-too-often": 12 - CONTACT_CODES.attempts,
        }


async def ends(
    act: Callable[[Process], Awaitable[object]], one: Process, other: Process
) -> Counter[str]:
    """What twelve acts at once end in, in turn at either process."""

    async def end(process: Process) -> str:
        try:
            await act(process)
        except DoorwardError as error:
            return error.code
        return "done"

    return Counter(await asyncio.gather(*(end((one, other)[n % 2]) for n in range(12))))
