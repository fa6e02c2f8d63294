"""Attempts at what can be guessed, on every store; and counted once by whoever counts."""

from __future__ import annotations

import asyncio
import math

import pytest

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.guesses import ENROLMENT_CODE, Bound, Refusal, count
from doorward.administrator.ports import Store

TRIED = Attempts(
    purpose="password",
    subject="alice",
    moments=(1.25, 2.0),
    in_a_row=7,
    told_at=3.5,
    expires_at=900.5,
)
FOREVER = Attempts(purpose="password", subject="bob", in_a_row=100)


async def test_what_is_put_is_got_and_replaced(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.attempts.put(Attempts(purpose="password", subject="alice"))
        await transaction.attempts.put(TRIED)
        await transaction.attempts.put(FOREVER)
    async with store.transaction() as transaction:
        assert await transaction.attempts.get("password", "alice") == TRIED
        assert await transaction.attempts.get("password", "bob") == FOREVER
        assert await transaction.attempts.get("password-by-name", "alice") is None


async def test_a_count_is_forgotten_where_it_is_high_enough(store: Store) -> None:
    async with store.transaction() as transaction:
        attempts = transaction.attempts
        await attempts.put(TRIED)
        assert not await attempts.forget("password", "alice", at_least=8)
        assert not await attempts.forget("password", "bob")
        assert await attempts.get("password", "alice") == TRIED
        assert await attempts.forget("password", "alice", at_least=7)
        assert not await attempts.forget("password", "alice")


async def test_those_of_which_nobody_was_told_are_found(store: Store) -> None:
    async with store.transaction() as transaction:
        attempts = transaction.attempts
        for item in (TRIED, FOREVER):
            await attempts.put(item)
        await attempts.put(Attempts(purpose="password", subject="anna", in_a_row=101))
        await attempts.put(Attempts(purpose="password", subject="carol", in_a_row=99))
        await attempts.put(Attempts(purpose="other", subject="dave", in_a_row=200))
        found = await attempts.untold("password", 100, 10)
        assert [item.subject for item in found] == ["anna", "bob"]
        assert [item.subject for item in await attempts.untold("password", 100, 1)] == ["anna"]


async def test_a_subject_is_forgotten_for_every_purpose(store: Store) -> None:
    async with store.transaction() as transaction:
        attempts = transaction.attempts
        for purpose in ("password", "contact-codes"):
            await attempts.put(Attempts(purpose=purpose, subject="alice"))
        await attempts.put(FOREVER)
        assert await attempts.remove_of("alice") == 2
        assert await attempts.get("password", "bob") == FOREVER


async def test_what_has_expired_is_swept_and_what_does_not_expire_stays(store: Store) -> None:
    async with store.transaction() as transaction:
        attempts = transaction.attempts
        await attempts.put(TRIED)
        await attempts.put(FOREVER)
        await attempts.sweep(900.0)
        assert await attempts.get("password", "alice") == TRIED
        await attempts.sweep(900.5)
        assert await attempts.get("password", "alice") is None
        assert await attempts.get("password", "bob") == FOREVER


async def test_of_racing_attempts_as_many_are_let_through_as_the_bound_says(store: Store) -> None:
    async def attempt() -> Refusal | None:
        async with store.transaction() as transaction:
            return await count(transaction, ENROLMENT_CODE, "alice", 1000.0)

    refusals = await asyncio.gather(*(attempt() for _ in range(20)))
    assert sum(item is None for item in refusals) == ENROLMENT_CODE.attempts
    (refusal,) = {item for item in refusals if item is not None}
    assert refusal == Refusal("window", ENROLMENT_CODE.window_seconds)


async def test_an_attempt_that_is_rolled_back_is_not_counted(store: Store) -> None:
    bound = Bound("test", 1, 60, in_a_row=1)

    async def count_and_fail() -> None:
        async with store.transaction() as transaction:
            assert await count(transaction, bound, "alice", 1.0) is None
            raise LookupError

    with pytest.raises(LookupError):
        await count_and_fail()
    async with store.transaction() as transaction:
        assert await count(transaction, bound, "alice", 1.0) is None
        assert await count(transaction, bound, "alice", 1e9) == Refusal("in-a-row", math.inf)
