"""Challenges of passkey ceremonies: what proves itself cannot be made, altered or used twice."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.administrator.authentication import Browser, UnverifiedCredential
from doorward.administrator.passkey_challenge import (
    LIFETIME_SECONDS,
    Ceremony,
    new_challenge,
    use_challenge,
)
from doorward.model.ids import UserId
from tests.fakes.sign_in import ALICE, BOB, ELSEWHERE, HERE, NOON, Desk, desk


async def use(
    office: Desk,
    challenge: str,
    *,
    browser: Browser = HERE,
    ceremony: Ceremony = "authentication",
    user: UserId | None = ALICE,
    now: float = NOON,
) -> str:
    credential = UnverifiedCredential("id", challenge, None, {})
    async with office.store.transaction() as transaction:
        return await use_challenge(
            office.authenticators, transaction, browser, ceremony, credential, user, now
        )


def given_to_alice(office: Desk) -> str:
    return new_challenge(office.authenticators, HERE, "authentication", ALICE, NOON)


async def test_giving_a_challenge_writes_nothing() -> None:
    office = await desk()
    given_to_alice(office)
    async with office.store.transaction() as transaction:
        assert await transaction.one_time.remove_of(ALICE) == 0


async def test_a_challenge_works_once_whoever_answers() -> None:
    office = await desk()
    challenge = given_to_alice(office)
    assert await use(office, challenge) == ""
    assert await use(office, challenge) == "challenge-used"


@pytest.mark.parametrize(
    "other",
    [
        {"browser": ELSEWHERE},
        {"ceremony": "registration"},
        {"user": BOB},
        {"user": None},
    ],
)
async def test_a_challenge_is_bound_to_browser_ceremony_and_person(
    other: dict[str, object],
) -> None:
    office = await desk()
    challenge = given_to_alice(office)
    assert await use(office, challenge, **other) == "challenge-unknown"  # type: ignore[arg-type]
    assert await use(office, challenge) == ""


async def test_a_challenge_ends() -> None:
    office = await desk()
    last = NOON + LIFETIME_SECONDS - 0.001
    assert await use(office, given_to_alice(office), now=last) == ""
    end = NOON + LIFETIME_SECONDS
    assert await use(office, given_to_alice(office), now=end) == "challenge-expired"


async def test_a_use_is_remembered_until_the_challenge_has_ended() -> None:
    office = await desk()
    challenge = given_to_alice(office)
    await use(office, challenge)
    last = NOON + LIFETIME_SECONDS - 0.001
    async with office.store.transaction() as transaction:
        await transaction.one_time.sweep(last)
    assert await use(office, challenge, now=last) == "challenge-used"


async def test_a_use_is_not_forgotten_by_a_process_whose_clock_is_ahead() -> None:
    office = await desk()
    challenge = given_to_alice(office)
    await use(office, challenge)
    late = NOON + LIFETIME_SECONDS - 1
    async with office.store.transaction() as transaction:
        await transaction.one_time.sweep(late + 50)
    assert await use(office, challenge, now=late) == "challenge-used"


@given(st.binary(max_size=120))
async def test_no_bytes_but_those_given_are_a_challenge(noise: bytes) -> None:
    office = await desk()
    made_up = base64.urlsafe_b64encode(noise).rstrip(b"=").decode()
    assert await use(office, made_up) == "challenge-unknown"
    real = base64.urlsafe_b64decode(given_to_alice(office) + "==")
    altered = bytes(a ^ b for a, b in zip(real, noise.ljust(len(real), b"\0"), strict=False))
    if altered != real:
        text = base64.urlsafe_b64encode(altered).rstrip(b"=").decode()
        assert await use(office, text) == "challenge-unknown"


@given(st.text(max_size=60))
async def test_what_is_no_base64url_is_no_challenge(text: str) -> None:
    assert await use(await desk(), text) == "challenge-unknown"
