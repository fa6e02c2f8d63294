"""Password with TOTP: what is accepted, and what an attacker learns from what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doorward.administrator.authentication import (
    AttemptRejectedError,
    Browser,
    Proof,
    TooManyAttemptsError,
    digest,
)
from doorward.administrator.guesses import PASSWORD_BY_NAME, PASSWORD_OF_PERSON
from doorward.administrator.sign_in_passkey import begin_passkey, sign_in_passkey
from doorward.administrator.sign_in_password import sign_in_password
from doorward.bootstrap import LIMITS
from doorward.errors import DoorwardError
from tests.fakes.sign_in import ALICE, BOB, HERE, PASSWORD, Desk, browser_at, desk


@pytest.fixture
async def office() -> Desk:
    made = await desk()
    await made.with_password(ALICE)
    return made


async def attempt(
    office: Desk,
    *,
    name: str = "alice",
    password: str = PASSWORD,
    code: str | None = None,
    browser: Browser = HERE,
) -> Proof:
    return await sign_in_password(
        office.authenticators,
        browser,
        name=name,
        password=password,
        code=office.code(ALICE) if code is None else code,
        now=office.now,
    )


async def test_both_factors_prove_a_person(office: Desk) -> None:
    assert await attempt(office) == Proof(
        ALICE,
        ("password", "totp"),
        phishing_resistant=False,
        multi_factor=True,
        aal=2,
        credential="password",
        version=digest(f"hash of {PASSWORD}"),
    )


@pytest.mark.parametrize("name", ["alice@example.test", " ALICE ", "Alice@Example.test"])
async def test_a_person_is_known_by_id_or_address(office: Desk, name: str) -> None:
    assert (await attempt(office, name=name)).user == ALICE


WRONG: dict[str, Callable[[Desk], dict[str, str]]] = {
    "password": lambda office: {"password": "not these words at all"},
    "code": lambda office: {"code": "000000"},
    "both": lambda office: {"password": "not these words at all", "code": "000000"},
    "no code": lambda office: {"code": ""},
    "unknown name": lambda office: {"name": "mallory"},
    "known name without a password": lambda office: {"name": "bob"},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_every_failure_looks_the_same_and_costs_the_same(office: Desk, wrong: str) -> None:
    before = office.hasher.verified
    given = WRONG[wrong](office)
    with pytest.raises(AttemptRejectedError) as caught:
        await attempt(
            office,
            name=given.get("name", "alice"),
            password=given.get("password", PASSWORD),
            code=given.get("code"),
        )
    assert (caught.value.code, caught.value.detail) == (
        "sign-in-rejected",
        "Name, password and code do not match.",
    )
    assert office.hasher.verified == before + 1


async def test_a_code_works_once(office: Desk) -> None:
    await attempt(office)
    with pytest.raises(AttemptRejectedError) as caught:
        await attempt(office)
    assert caught.value.why == "code-replayed"


async def test_an_earlier_code_is_void_once_a_later_one_was_used(office: Desk) -> None:
    await attempt(office, code=office.code(ALICE, 1))
    with pytest.raises(AttemptRejectedError):
        await attempt(office, code=office.code(ALICE))


async def test_a_wrong_password_does_not_use_the_code_up(office: Desk) -> None:
    with pytest.raises(AttemptRejectedError):
        await attempt(office, password="not these words at all")
    assert (await attempt(office)).user == ALICE


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (1, True), (2, False)])
async def test_a_clock_may_be_one_step_off(office: Desk, steps: int, accepted: bool) -> None:
    code = office.code(ALICE, steps)
    if accepted:
        assert (await attempt(office, code=code)).user == ALICE
    else:
        with pytest.raises(AttemptRejectedError):
            await attempt(office, code=code)


@pytest.mark.parametrize("name", ["alice", "mallory"])
async def test_guessing_is_stopped_for_one_account_from_many_addresses(
    office: Desk, name: str
) -> None:
    for number in range(PASSWORD_BY_NAME.attempts):
        with pytest.raises(AttemptRejectedError):
            await attempt(office, name=name, code="000000", browser=browser_at(f"10.0.0.{number}"))
    with pytest.raises(TooManyAttemptsError) as caught:
        await attempt(office, name=name, browser=browser_at("10.0.1.1"))
    window = PASSWORD_BY_NAME.window_seconds
    assert caught.value.retry_after_seconds == window


KNOWN = ("alice", "alice@example.test")
UNKNOWN = ("mallory", "mallory@example.test")


async def guess_under_both(office: Desk, names: tuple[str, str], attempts: int) -> list[str]:
    """What the answers say to guesses under two names in turn, and to one more under each."""
    answers = []
    for number in range(attempts + 2):
        before = office.hasher.verified
        with pytest.raises(DoorwardError) as caught:
            await attempt(
                office,
                name=names[number % 2],
                code="000000",
                browser=browser_at(f"10.0.0.{number}"),
            )
        error = caught.value
        answers.append(f"{error} {error.remedy} {office.hasher.verified - before}")
    return answers


async def test_a_person_is_counted_once_whichever_name_is_typed(office: Desk) -> None:
    await guess_under_both(office, KNOWN, PASSWORD_OF_PERSON.attempts)
    for name in KNOWN:
        with pytest.raises(AttemptRejectedError) as caught:
            await attempt(office, name=name, browser=browser_at("10.0.1.1"))
        assert caught.value.why == "too-many-attempts-for-person"
    # The code that came too early is not used up.
    async with office.store.transaction() as transaction:
        await transaction.attempts.forget(PASSWORD_OF_PERSON.purpose, ALICE)
    assert (await attempt(office, name=KNOWN[1], browser=browser_at("10.0.1.1"))).user == ALICE


async def test_the_limit_of_a_person_does_not_tell_that_two_names_are_theirs(office: Desk) -> None:
    # Up to the limit of each name, which is told, whoever has it or has not.
    attempts = 2 * PASSWORD_BY_NAME.attempts
    known, unknown = [await guess_under_both(office, names, attempts) for names in (KNOWN, UNKNOWN)]
    assert known == unknown
    assert [answer.startswith("too-many-attempts") for answer in known] == [
        *[False] * attempts,
        True,
        True,
    ]


async def test_success_starts_the_person_anew(office: Desk) -> None:
    await guess_under_both(office, KNOWN, PASSWORD_OF_PERSON.attempts - 3)
    assert (await attempt(office, name=KNOWN[1])).user == ALICE
    with pytest.raises(AttemptRejectedError) as caught:
        await attempt(office, name=KNOWN[0], code="000000")
    assert caught.value.why == "wrong-code"


async def test_guessing_is_stopped_for_one_address_over_many_accounts(office: Desk) -> None:
    for number in range(LIMITS["address"].attempts):
        with pytest.raises(AttemptRejectedError):
            await attempt(office, name=f"guess-{number}")
    with pytest.raises(TooManyAttemptsError):
        await attempt(office)
    assert (await attempt(office, browser=browser_at("10.0.1.1"))).user == ALICE


async def test_an_ipv6_site_counts_as_one_address(office: Desk) -> None:
    for number in range(LIMITS["address"].attempts):
        with pytest.raises(AttemptRejectedError):
            await attempt(
                office, name=f"guess-{number}", browser=browser_at(f"2001:db8::{number:x}")
            )
    with pytest.raises(TooManyAttemptsError):
        await attempt(office, browser=browser_at("2001:db8::ffff"))
    assert (await attempt(office, browser=browser_at("2001:db8:0:1::1"))).user == ALICE


async def test_an_address_that_is_shut_out_cannot_shut_a_person_out(office: Desk) -> None:
    for number in range(LIMITS["address"].attempts):
        with pytest.raises(AttemptRejectedError):
            await attempt(office, name=f"guess-{number}")
    for _ in range(PASSWORD_BY_NAME.attempts + 1):
        with pytest.raises(TooManyAttemptsError):
            await attempt(office, code="000000")
    assert (await attempt(office, browser=browser_at("10.0.1.1"))).user == ALICE


async def test_a_person_shut_out_of_their_password_has_their_passkey(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    for number in range(PASSWORD_BY_NAME.attempts + 1):
        with pytest.raises((AttemptRejectedError, TooManyAttemptsError)):
            await attempt(office, code="000000", browser=browser_at(f"10.0.0.{number}"))
    options = await begin_passkey(office.authenticators, HERE, user=None, now=office.now)
    proof = await sign_in_passkey(
        office.authenticators, HERE, device.get(options), user=None, now=office.now
    )
    assert proof.user == ALICE


async def test_success_starts_the_account_anew_but_not_the_address(office: Desk) -> None:
    attempts = PASSWORD_BY_NAME.attempts
    for _ in range(attempts - 1):
        with pytest.raises(AttemptRejectedError):
            await attempt(office, code="000000")
    await attempt(office)
    with pytest.raises(AttemptRejectedError):
        await attempt(office, code="000000")
    for number in range(LIMITS["address"].attempts - attempts - 1):
        with pytest.raises(AttemptRejectedError):
            await attempt(office, name=f"guess-{number}")
    with pytest.raises(TooManyAttemptsError):
        await attempt(office, name="guess-last")


async def test_a_rejected_attempt_is_audited_with_its_cause_and_without_secrets(
    office: Desk,
) -> None:
    with pytest.raises(AttemptRejectedError):
        await attempt(office, password="not these words at all")
    with pytest.raises(AttemptRejectedError):
        await attempt(office, name="my password typed here", code="000000")
    known, unknown = await office.audited("sign-in-rejected")
    assert known == {
        "target": "user:alice",
        "method": "password",
        "address": HERE.address,
        "why": "wrong-password",
    }
    assert unknown["why"] == "unknown-account"
    assert "my password typed here" not in str(unknown)


async def test_a_flood_of_attempts_does_not_flood_the_audit_log(office: Desk) -> None:
    for _ in range(200):
        with pytest.raises((AttemptRejectedError, TooManyAttemptsError)):
            await attempt(office, name="mallory", browser=browser_at("10.9.9.9"))
    assert len(await office.audited("sign-in-rejected")) == LIMITS["audit-address"].attempts
    with pytest.raises(AttemptRejectedError):
        await attempt(office, code="000000", browser=browser_at("10.1.1.1"))
    assert (await office.audited("sign-in-rejected"))[-1]["address"] == "10.1.1.1"


async def test_a_secret_of_one_person_does_not_open_as_anothers(office: Desk) -> None:
    import msgspec

    await office.with_password(BOB)
    async with office.store.transaction() as transaction:
        totp = await transaction.credentials.totp(ALICE)
        assert totp is not None
        await transaction.credentials.put(msgspec.structs.replace(totp, user=BOB))
    with pytest.raises(DoorwardError, match="seal-broken"):
        await attempt(office, name="bob")
