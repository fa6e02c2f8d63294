"""A hundred failures in a row turn a password off (SP 800-63B-4 3.2.2), and what turns it on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from doorward.administrator.authentication import AttemptRejectedError, Browser, digest
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.own_password import allow_password, revoke_password
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_NOBODY, PASSWORD_OF_PERSON
from doorward.administrator.leave import leave
from doorward.administrator.recovery.complete_recovery import (
    begin_recovery_passkey,
    recover_with_passkey,
)
from doorward.administrator.recovery.decide_recovery import approve_recovery, find_recovery
from doorward.administrator.recovery.request_recovery import recovery_of, request_recovery
from doorward.administrator.sign_in_password import sign_in_password
from doorward.administrator.strengthen_session import strengthen_session
from doorward.administrator.sweep_expired import sweep_expired
from doorward.administrator.tell_passwords_off import tell_passwords_off
from doorward.entrypoints.control.background import keep_swept
from doorward.errors import DoorwardError
from doorward.model.ids import UserId
from tests.fakes.sign_in import ALICE, BOB, HERE, Desk, browser_at, desk

SECURITY = "security@example.test"
BETWEEN_SECONDS = PASSWORD_OF_PERSON.window_seconds / PASSWORD_OF_PERSON.attempts


@pytest.fixture
async def office() -> Desk:
    made = await desk()
    await made.with_password(ALICE)
    made.mailed.clear()
    return made


async def fail(office: Desk, name: str = "alice", browser: Browser = HERE) -> str:
    """One wrong attempt, as slow as the limits want it; its cause, which nobody is told."""
    office.now += BETWEEN_SECONDS
    with pytest.raises(AttemptRejectedError) as caught:
        await sign_in_password(
            office.authenticators,
            browser,
            name=name,
            password="not these words at all",
            code="000000",
            now=office.now,
        )
    assert str(caught.value) == ("sign-in-rejected: Name, password and code do not match.")
    return caught.value.why


async def guess_slowly(office: Desk, attempts: int, name: str = "alice") -> list[str]:
    # The address changes, as a guesser's does; its own limit is another test's.
    return [
        await fail(office, name, browser_at(f"10.0.{number // 250}.{number % 250}"))
        for number in range(attempts)
    ]


async def is_off(office: Desk, user: UserId = ALICE) -> bool:
    async with office.store.transaction() as transaction:
        return (await held_by(transaction, user)).password_off


async def tell(office: Desk) -> int:
    return await tell_passwords_off(office.control, office.now, SECURITY)


async def test_slow_guessing_ends_after_a_hundred_attempts(office: Desk) -> None:
    causes = await guess_slowly(office, MOST_IN_A_ROW + 5)
    assert causes == ["wrong-password"] * MOST_IN_A_ROW + ["password-off"] * 5
    # Also the right password, by whichever name, now and in a year.
    for name in ("alice", "ALICE@example.test"):
        office.now += 365 * 86_400
        await sweep_expired(office.control, office.now)
        with pytest.raises(AttemptRejectedError) as caught:
            await office.by_password(UserId(name), office.code(ALICE))
        assert caught.value.why == "password-off"


async def test_the_page_says_the_same_for_a_password_that_is_off_and_does_the_same_work(
    office: Desk,
) -> None:
    before = office.hasher.verified
    await guess_slowly(office, MOST_IN_A_ROW + 1, "alice")
    known = office.hasher.verified - before
    causes = await guess_slowly(office, MOST_IN_A_ROW + 1, "mallory")
    assert (office.hasher.verified - before, set(causes)) == (2 * known, {"unknown-account"})
    assert known == MOST_IN_A_ROW + 1
    assert not office.mailed  # nothing is sent while somebody waits for an answer


async def test_an_unknown_name_is_counted_just_as_a_known_one(office: Desk) -> None:
    for name, bound, subject in (
        ("alice", PASSWORD_OF_PERSON, ALICE),
        ("mallory", PASSWORD_OF_NOBODY, digest("mallory")),
    ):
        await guess_slowly(office, 7, name)
        async with office.store.transaction() as transaction:
            found = await transaction.attempts.get(bound.purpose, subject)
        assert found is not None
        assert found.in_a_row == 7


async def test_counts_of_nobody_do_not_fill_the_store(office: Desk) -> None:
    for number in range(50):
        await fail(office, f"nobody-{number}", browser_at(f"10.0.0.{number}"))
    await guess_slowly(office, 1)
    office.now += PASSWORD_OF_NOBODY.window_seconds
    await sweep_expired(office.control, office.now)
    assert str(office.store.content()).count("Attempts(") == 1


async def test_the_person_and_the_security_contact_are_told_once(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW - 1)
    assert await tell(office) == 0
    await guess_slowly(office, 1)
    assert await tell(office) == 1
    assert await tell(office) == 0
    own, security = office.mailed
    assert (own.to, own.subject) == ("alice@example.test", "Your password is off")
    assert (security.to, "alice" in security.subject) == (SECURITY, True)
    assert "doorward user allow-password alice" in security.text
    (noted,) = await office.audited("password-off")
    assert noted == {"target": "user:alice", "attempts": "100"}


async def test_the_control_plane_tells_by_itself(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await keep_swept(
                office.control,
                0.01,
                sign_in_log_days=0,
                received_signal_days=0,
                security_contact=SECURITY,
            )
    assert [mail.to for mail in office.mailed] == ["alice@example.test", SECURITY]


async def test_two_processes_tell_once(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW)
    assert sorted(await asyncio.gather(tell(office), tell(office), tell(office))) == [0, 0, 1]


async def test_who_has_no_password_is_told_nothing(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW, "bob")
    assert await tell(office) == 0
    assert not office.mailed
    assert not await is_off(office, BOB)


async def test_a_success_starts_the_count_anew(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW - 1)
    office.now += BETWEEN_SECONDS
    await office.by_password(ALICE)
    assert set(await guess_slowly(office, MOST_IN_A_ROW)) == {"wrong-password"}


async def test_attempts_that_are_not_looked_at_are_not_counted(office: Desk) -> None:
    """Else a flood would turn a password off in minutes."""
    for number in range(300):
        with pytest.raises(DoorwardError):
            await sign_in_password(
                office.authenticators,
                browser_at(f"10.0.{number // 250}.{number % 250}"),
                name=("alice", "alice@example.test")[number % 2],
                password="no",
                code="000000",
                now=office.now,
            )
    async with office.store.transaction() as transaction:
        found = await transaction.attempts.get(PASSWORD_OF_PERSON.purpose, ALICE)
    assert found is not None
    assert found.in_a_row == PASSWORD_OF_PERSON.attempts


async def by_passkey(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    await guess_slowly(office, MOST_IN_A_ROW)
    await office.session(await office.by_passkey(device))


async def by_step_up(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(device))
    await guess_slowly(office, MOST_IN_A_ROW)
    # As long as the session lives; guessing took hours.
    proof, act = await office.by_passkey(device), Act(f"user:{ALICE}", office.now - 3 * 3600)
    await strengthen_session(office.control, act, session=session, proof=proof, browser=HERE)


async def by_federation(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW)
    proof = replace(
        await office.by_passkey(await office.with_passkey(ALICE)),
        methods=("federated",),
        credential="",
    )
    await office.session(proof)


async def by_recovery(office: Desk) -> None:
    """The password stays, since the approver keeps what there was."""
    await guess_slowly(office, MOST_IN_A_ROW)
    parts = office.authenticators
    await request_recovery(parts, HERE, "alice", office.now)
    view = await recovery_of(parts, HERE, office.now)
    assert view is not None
    act = Act("user:bob", office.now)
    (found,) = await find_recovery(office.control, act, parts.codes, view.code)
    session, sealer = await office.at_desk(BOB), parts.sealer
    await approve_recovery(
        office.control, act, session, sealer, found.id, code=view.code, keep=True
    )
    options = await begin_recovery_passkey(parts, HERE, office.now)
    made = office.device().create(options)
    await office.session(await recover_with_passkey(parts, HERE, made, office.now))


async def by_an_administrator(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW)
    await tell(office)
    await allow_password(office.control, Act("operator", office.now), ALICE)
    assert office.mailed[-1].subject == "Your password works again"


WAYS: dict[str, Callable[[Desk], Awaitable[None]]] = {
    "passkey": by_passkey,
    "passkey ": by_step_up,
    "federated": by_federation,
    "recovery-approval": by_recovery,
    "administrator": by_an_administrator,
}


@pytest.mark.parametrize("way", WAYS)
async def test_it_works_again(office: Desk, way: str) -> None:
    await WAYS[way](office)
    assert not await is_off(office)
    noted = await office.audited("password-allowed")
    assert noted == [{"target": "user:alice", "by": way.strip()}]
    office.now += 2 * PASSWORD_OF_PERSON.window_seconds
    assert (await office.by_password(ALICE)).user == ALICE


async def test_a_new_password_has_a_count_of_its_own(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW)
    await office.with_password(ALICE)
    assert not await is_off(office)
    assert set(await guess_slowly(office, 20)) == {"wrong-password"}


async def test_a_password_that_goes_takes_its_count_along(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW)
    await revoke_password(office.control, Act("operator", office.now), ALICE)
    assert not await is_off(office)


async def test_whoever_leaves_takes_their_counts_along(office: Desk) -> None:
    await guess_slowly(office, 30)
    await leave(office.control, Act("operator", office.now), ALICE)
    async with office.store.transaction() as transaction:
        assert await transaction.attempts.get(PASSWORD_OF_PERSON.purpose, ALICE) is None


async def test_signing_in_another_way_gives_a_guesser_nothing_before_the_bound(
    office: Desk,
) -> None:
    device = await office.with_passkey(ALICE)
    await guess_slowly(office, MOST_IN_A_ROW - 1)
    await office.session(await office.by_passkey(device))
    assert await guess_slowly(office, 2) == ["wrong-password", "password-off"]


async def test_a_passkey_never_goes_off(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    await guess_slowly(office, MOST_IN_A_ROW + 20)
    assert (await office.by_passkey(device)).user == ALICE


async def test_a_session_by_the_password_does_not_allow_it(office: Desk) -> None:
    proof = await office.by_password(ALICE)
    await guess_slowly(office, MOST_IN_A_ROW)
    await office.session(proof)
    assert await is_off(office)


async def test_a_password_that_is_not_off_cannot_be_allowed(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW - 1)
    with pytest.raises(DoorwardError, match="password-not-off"):
        await allow_password(office.control, Act("operator", office.now), ALICE)
    assert not await office.audited("password-allowed")
    assert await guess_slowly(office, 2) == ["wrong-password", "password-off"]


async def test_the_last_attempt_is_taken_once_also_by_racing_requests(office: Desk) -> None:
    await guess_slowly(office, MOST_IN_A_ROW - 1)
    office.now += PASSWORD_OF_PERSON.window_seconds

    async def attempt(number: int) -> str:
        try:
            await sign_in_password(
                office.authenticators,
                browser_at(f"10.9.0.{number}"),
                name="alice",
                password="no",
                code="000000",
                now=office.now,
            )
        except AttemptRejectedError as error:
            return error.why
        return "in"

    causes = await asyncio.gather(*(attempt(number) for number in range(8)))
    assert sorted(causes) == ["password-off"] * 7 + ["wrong-password"]
