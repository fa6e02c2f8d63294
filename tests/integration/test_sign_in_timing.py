"""Coarse real time, with the real hash: no answer comes sooner because nobody has that name."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import pytest

from doorward.adapters.passwords import Argon2idHasher
from doorward.administrator.authentication import AttemptRejectedError
from doorward.administrator.sign_in_password import sign_in_password
from tests.fakes.sign_in import ALICE, PASSWORD, browser_at, desk

ROUNDS = 7


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
