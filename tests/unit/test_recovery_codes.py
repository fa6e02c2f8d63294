"""TOTP and recovery codes beside a password: what is accepted, once, and by whom it is known."""

from __future__ import annotations

import asyncio

import pytest

from doorward.administrator.authentication import AttemptRejectedError, TooManyAttemptsError
from doorward.administrator.credentials.assurance import StepUpNeededError
from doorward.administrator.credentials.recovery_codes import (
    CODES,
    code_hash,
    make_recovery_codes,
    new_code,
)
from doorward.administrator.guesses import PASSWORD_BY_NAME
from doorward.administrator.sign_in_password import sign_in_password
from doorward.errors import DoorwardError
from doorward.model.ids import UserId
from tests.fakes.sign_in import ALICE, BOB, HERE, PASSWORD, Desk, browser_at, desk
from tests.fakes.store import CountedSecrets


@pytest.fixture
async def office() -> Desk:
    made = await desk()
    await made.with_password(ALICE)
    return made


async def codes_of(office: Desk, user: UserId = ALICE) -> tuple[str, ...]:
    session = await office.session(await office.by_password(user))
    return await make_recovery_codes(office.control, session, office.now)


async def left(office: Desk) -> int:
    async with office.store.transaction() as transaction:
        return await transaction.recovery_codes.left(ALICE)


async def test_ten_codes_of_125_bits_are_made_and_none_is_stored(office: Desk) -> None:
    codes = await codes_of(office)
    assert len(set(codes)) == CODES
    assert all(len(code.replace("-", "")) == 25 for code in codes)
    content = str(office.store.content())
    assert not any(code in content or code.replace("-", "") in content for code in codes)
    assert "recovery codes" in office.mailed[-1].subject


def test_a_code_uses_its_whole_alphabet() -> None:
    secrets = CountedSecrets()
    text = "".join(new_code(secrets).replace("-", "") for _ in range(200))
    assert set(text) == set("0123456789abcdefghjkmnpqrstvwxyz")


@pytest.mark.parametrize(
    "typed",
    [
        "k7q2m-9xw4t-3bd8n-v2pqr-7zsy0",
        " K7Q2M 9XW4T 3BD8N V2PQR 7ZSYO ",
        "k7q2m9xw4t3bd8nv2pqr7zsyo",
    ],
)
def test_a_code_is_read_however_it_was_copied(typed: str) -> None:
    assert code_hash(typed) == code_hash("k7q2m9xw4t3bd8nv2pqr7zsy0") != ""


@pytest.mark.parametrize("typed", ["", "123456", "k7q2m", "u" * 25, "k" * 26, "é" * 25, "-" * 9999])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert code_hash(typed) == ""


async def test_a_code_stands_for_the_app_once(office: Desk) -> None:
    codes = await codes_of(office)
    proof = await office.by_password(ALICE, codes[3])
    assert (proof.methods, proof.aal) == (("password", "recovery-code"), 2)
    assert (proof.multi_factor, proof.phishing_resistant) == (True, False)
    assert await left(office) == CODES - 1
    with pytest.raises(AttemptRejectedError) as caught:
        await office.by_password(ALICE, codes[3])
    assert caught.value.code == "sign-in-rejected"


async def test_the_use_of_a_code_is_told_and_audited(office: Desk) -> None:
    codes = await codes_of(office)
    await office.by_password(ALICE, codes[0])
    mail = office.mailed[-1]
    assert (mail.to, "recovery code" in mail.subject) == ("alice@example.test", True)
    assert "9 left" in mail.text
    assert codes[0] not in mail.text
    (entry,) = await office.audited("recovery-code-used")
    assert (entry["target"], entry["left"]) == ("user:alice", "9")


async def test_racing_requests_use_a_code_once(office: Desk) -> None:
    codes = await codes_of(office)
    results = await asyncio.gather(
        *(office.by_password(ALICE, codes[0]) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(item, BaseException) for item in results) == 1
    assert await left(office) == CODES - 1


async def test_racing_requests_use_a_totp_code_once(office: Desk) -> None:
    code = office.code(ALICE)
    results = await asyncio.gather(
        *(
            sign_in_password(
                office.authenticators,
                HERE,
                name="alice",
                password=PASSWORD,
                code=code,
                now=office.now,
            )
            for _ in range(5)
        ),
        return_exceptions=True,
    )
    accepted = [item for item in results if not isinstance(item, BaseException)]
    refused = [item for item in results if isinstance(item, AttemptRejectedError)]
    assert (len(accepted), {item.why for item in refused}) == (1, {"code-replayed"})


async def test_a_new_set_voids_the_old(office: Desk) -> None:
    old, new = await codes_of(office), await codes_of(office)
    with pytest.raises(AttemptRejectedError):
        await office.by_password(ALICE, old[0])
    assert (await office.by_password(ALICE, new[0])).user == ALICE


async def test_a_code_without_the_password_is_nothing_and_stays(office: Desk) -> None:
    codes = await codes_of(office)
    with pytest.raises(AttemptRejectedError) as caught:
        await sign_in_password(
            office.authenticators,
            HERE,
            name="alice",
            password="not these words at all",
            code=codes[0],
            now=office.now,
        )
    assert caught.value.why == "wrong-password"
    assert await left(office) == CODES


async def test_a_code_is_of_one_person(office: Desk) -> None:
    codes = await codes_of(office)
    await office.with_password(BOB)
    with pytest.raises(AttemptRejectedError):
        await office.by_password(BOB, codes[0])
    assert await left(office) == CODES


async def test_guessing_codes_is_stopped_as_guessing_passwords_is(office: Desk) -> None:
    await codes_of(office)
    secrets = CountedSecrets()
    for number in range(PASSWORD_BY_NAME.attempts):
        with pytest.raises(AttemptRejectedError):
            await sign_in_password(
                office.authenticators,
                browser_at(f"10.0.0.{number}"),
                name="alice",
                password=PASSWORD,
                code=new_code(secrets),
                now=office.now,
            )
    with pytest.raises(TooManyAttemptsError):
        await office.by_password(ALICE, new_code(secrets))


async def test_codes_stand_beside_a_password_only(office: Desk) -> None:
    device = await office.with_passkey(BOB)
    session = await office.session(await office.by_passkey(device))
    with pytest.raises(DoorwardError, match="password-unknown"):
        await make_recovery_codes(office.control, session, office.now)


async def test_a_session_by_recovery_code_makes_new_codes_but_not_beside_a_passkey(
    office: Desk,
) -> None:
    codes = await codes_of(office)
    session = await office.session(await office.by_password(ALICE, codes[0]))
    assert len(await make_recovery_codes(office.control, session, office.now)) == CODES
    await office.with_passkey(ALICE)
    with pytest.raises(StepUpNeededError) as caught:
        await make_recovery_codes(office.control, session, office.now)
    assert caught.value.need == "phishing-resistant"
