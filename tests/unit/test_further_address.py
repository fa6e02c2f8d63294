"""A further address for notices: the rules, and what attackers try."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest

from doorward.administrator.authentication import Proof, find_user
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.assurance import StepUpNeededError
from doorward.administrator.credentials.further_address import (
    ask_address,
    awaited_address,
    confirm_address,
    remove_address,
    remove_own_address,
)
from doorward.administrator.ending import Leaver, forget_person
from doorward.administrator.guesses import NOTICE_CODES
from doorward.administrator.identity.records import Contact
from doorward.administrator.leave import leave
from doorward.administrator.mailed_codes import LIFETIME_SECONDS, MISTAKES
from doorward.administrator.proofing.confirm_contact import confirm_code, send_code
from doorward.administrator.recovery.request_recovery import request_recovery
from doorward.bootstrap import LIMITS
from doorward.errors import DoorwardError
from doorward.model.identity import Method
from doorward.model.ids import SessionId, UserId
from tests.fakes.sign_in import ALICE, BOB, HERE, Desk, browser_at, desk
from tests.fakes.store import KeptMail

FIRST, FURTHER, OTHER = "alice@example.test", "alice@home.test", "alice@elsewhere.test"
OPERATOR = "operator"
_CODE = re.compile(r"\b(\d{4}) (\d{4})\b")


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def signed_in(office: Desk, user: UserId = ALICE, age: float = 0) -> SessionId:
    proof = Proof(user, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    return await office.session(proof, age_seconds=age)


def newest_code(office: Desk) -> str:
    found = _CODE.search(office.mailed[-1].text)
    assert found is not None
    return "".join(found.groups())


async def asked(office: Desk, session: SessionId, address: str = FURTHER) -> str:
    """The code that was sent there."""
    await ask_address(office.authenticators, HERE, session, address, office.now)
    assert office.mailed[-1].to == address
    return newest_code(office)


async def confirmed(office: Desk, session: SessionId, code: str) -> Contact:
    return await confirm_address(office.authenticators, HERE, session, code, office.now)


async def added(office: Desk, session: SessionId, address: str = FURTHER) -> Contact:
    return await confirmed(office, session, await asked(office, session, address))


async def further(office: Desk, user: UserId = ALICE) -> str | None:
    async with office.store.transaction() as transaction:
        found = await transaction.identity.notice_addresses.of(user)
    return None if found is None else found.value


async def readdress(office: Desk, email: str) -> None:
    alice = office.control.live.current.users[ALICE]
    await office.publish("user", msgspec.structs.replace(alice, email=email))


def told_since(office: Desk, before: int) -> set[str]:
    return {mail.to for mail in office.mailed[before:]}


async def test_it_is_kept_once_its_code_comes_back(office: Desk) -> None:
    session = await signed_in(office)
    code = await asked(office, session)
    assert await further(office) is None
    (entry,) = await office.audited("notice-code-asked")
    assert (entry["target"], entry["address"]) == ("user:alice", FURTHER)
    before = len(office.mailed)
    kept = await confirmed(office, session, f" {code[:4]} {code[4:]} ")
    assert (kept.user, kept.value, await further(office)) == (ALICE, FURTHER, FURTHER)
    assert told_since(office, before) == {FIRST, FURTHER}
    assert "If this was not you" in office.mailed[-1].text
    (entry,) = await office.audited("notice-address-set")
    assert entry == {
        "target": "user:alice", "address": FURTHER, "from": HERE.address, "session": session
    }  # fmt: skip


async def test_another_takes_its_place_once_confirmed_and_all_three_are_told(office: Desk) -> None:
    session = await signed_in(office)
    await added(office, session)
    code = await asked(office, session, OTHER)
    assert await further(office) == FURTHER
    before = len(office.mailed)
    await confirmed(office, session, code)
    assert await further(office) == OTHER
    assert told_since(office, before) == {FIRST, FURTHER, OTHER}
    assert (await office.audited("notice-address-set"))[-1]["was"] == FURTHER


async def test_who_removes_it_is_told_of_at_both(office: Desk) -> None:
    session = await signed_in(office)
    await added(office, session)
    before = len(office.mailed)
    await remove_own_address(office.control, session, office.now)
    assert await further(office) is None
    assert told_since(office, before) == {FIRST, FURTHER}
    (entry,) = await office.audited("notice-address-removed")
    assert (entry["target"], entry["address"]) == ("user:alice", FURTHER)
    with pytest.raises(DoorwardError, match="notice-address-unknown"):
        await remove_own_address(office.control, session, office.now)


async def test_an_administrator_removes_it_and_both_are_told(office: Desk) -> None:
    await added(office, await signed_in(office))
    before = len(office.mailed)
    await remove_address(office.control, Act(OPERATOR, office.now), ALICE)
    assert await further(office) is None
    assert told_since(office, before) == {FIRST, FURTHER}
    assert "by an administrator" in office.mailed[-1].text
    for user, code in ((ALICE, "notice-address-unknown"), (UserId("nobody"), "user-unknown")):
        with pytest.raises(DoorwardError, match=code):
            await remove_address(office.control, Act(OPERATOR, office.now), user)
    assert len(await office.audited("notice-address-removed")) == 1


async def test_a_person_without_an_address_may_have_one(office: Desk) -> None:
    await readdress(office, "")
    await added(office, await signed_in(office))
    assert await further(office) == FURTHER
    assert office.mailed[-1].to == FURTHER


# What is no address


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "alice", "@home.test", "alice@", "alice@home.test\r\nBcc: all@example.test",
        "alice@home.test\n", "\nalice@home.test", "alice@home\x00.test", "alice@home.test\x7f",
        "alice@home.test,bob@home.test", "alice@home.test;bob@home.test", "alice@home.test bob",
        "Alice <alice@home.test>", "<alice@home.test>", '"alice smith"@home.test', "a@b@home.test",
        ".alice@home.test", "alice.@home.test", "al..ice@home.test", "alice@home..test",
        "alice@home.test.", "alicé@home.test", "alice@hömé.test", "alice@home.test(mine)",
        "alice@[192.0.2.1]", f"alice@{'a' * 250}.test", f"{'a' * 65}@home.test",
        "alice@home.test\u2028", "=?utf-8?q?alice?=@home.test\t",
    ],
)  # fmt: skip
async def test_what_is_no_one_plain_address_is_refused(office: Desk, typed: str) -> None:
    session = await signed_in(office)
    before = office.store.content()
    with pytest.raises(DoorwardError, match="notice-address-invalid"):
        await ask_address(office.authenticators, HERE, session, typed, office.now)
    assert office.store.content() == before
    assert office.mailed == []


async def test_spaces_around_it_are_no_part_of_it(office: Desk) -> None:
    await ask_address(
        office.authenticators, HERE, await signed_in(office), f"  {FURTHER} ", office.now
    )
    assert office.mailed[-1].to == FURTHER


@pytest.mark.parametrize("typed", [FIRST, "ALICE@Example.Test"])
async def test_the_address_of_the_estate_is_no_further_one(office: Desk, typed: str) -> None:
    with pytest.raises(DoorwardError, match="notice-address-known"):
        await asked(office, await signed_in(office), typed)


async def test_the_one_there_is_needs_no_second_code(office: Desk) -> None:
    session = await signed_in(office)
    await added(office, session)
    with pytest.raises(DoorwardError, match="notice-address-known"):
        await asked(office, session, FURTHER)


async def test_it_may_become_the_estates_while_its_code_is_on_its_way(office: Desk) -> None:
    session = await signed_in(office)
    code = await asked(office, session)
    await readdress(office, FURTHER)
    with pytest.raises(DoorwardError, match="notice-address-known"):
        await confirmed(office, session, code)
    assert await further(office) is None


# Attacks on the code


async def test_a_code_is_for_its_person(office: Desk) -> None:
    alice, bob = await signed_in(office), await signed_in(office, BOB)
    code = await asked(office, alice)
    for other in (None, await asked(office, bob, OTHER)):
        assert other != code
        with pytest.raises(DoorwardError, match="contact-code-wrong"):
            await confirmed(office, bob, code)
    assert await further(office, BOB) is None


async def test_a_code_is_for_its_address(office: Desk) -> None:
    """A thief in a session cannot have the owner confirm the thief's address, nor the reverse."""
    session = await signed_in(office)
    code = await asked(office, session)
    await asked(office, session, OTHER)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirmed(office, session, code)
    assert await further(office) is None


async def test_a_code_for_the_estates_address_is_none_for_a_further_one(office: Desk) -> None:
    session = await signed_in(office)
    notice = await asked(office, session)
    await send_code(office.authenticators, HERE, ALICE, office.now)
    contact = newest_code(office)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirmed(office, session, contact)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm_code(office.authenticators, HERE, ALICE, notice, office.now)
    async with office.store.transaction() as transaction:
        assert await transaction.identity.contacts.of(ALICE) is None
    assert await further(office) is None


async def test_a_code_works_once(office: Desk) -> None:
    session = await signed_in(office)
    code = await asked(office, session)
    await confirmed(office, session, code)
    await remove_own_address(office.control, session, office.now)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirmed(office, session, code)
    assert await further(office) is None


async def test_of_two_who_type_a_code_at_once_one_is_heard(office: Desk) -> None:
    session = await signed_in(office)
    code = await asked(office, session)
    answers = await asyncio.gather(
        *(confirmed(office, session, code) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(item, Contact) for item in answers) == 1
    assert len(await office.audited("notice-address-set")) == 1


async def test_a_code_is_too_late_after_ten_minutes(office: Desk) -> None:
    code = await asked(office, await signed_in(office))
    office.now += LIFETIME_SECONDS
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirmed(office, await signed_in(office), code)


async def test_so_many_mistakes_use_the_code_up(office: Desk) -> None:
    session = await signed_in(office)
    code = await asked(office, session)
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    for _ in range(MISTAKES):
        with pytest.raises(DoorwardError, match="contact-code-wrong"):
            await confirmed(office, session, wrong)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirmed(office, session, code)
    assert len(await office.audited("notice-code-rejected")) == MISTAKES + 1
    assert await further(office) is None


async def test_a_flood_of_guesses_does_not_fill_the_audit(office: Desk) -> None:
    session = await signed_in(office)
    for _ in range(3 * LIMITS["audit-address"].attempts):
        with pytest.raises(DoorwardError, match="contact-code-wrong"):
            await confirmed(office, session, "00000000")
    noted = await office.audited("notice-code-rejected")
    assert len(noted) == LIMITS["audit-address"].attempts


async def test_a_person_has_so_many_codes_sent_from_wherever(office: Desk) -> None:
    session = await signed_in(office)
    for number in range(NOTICE_CODES.attempts):
        await asked(office, session, f"victim{number}@home.test")
    with pytest.raises(DoorwardError, match="contact-too-often"):
        await ask_address(
            office.authenticators, browser_at("203.0.113.1"), session, FURTHER, office.now
        )
    assert len(office.mailed) == NOTICE_CODES.attempts


async def test_a_network_has_so_many_codes_sent_for_whomever(office: Desk) -> None:
    session = await signed_in(office)
    for _ in range(LIMITS["contact-address"].attempts):
        await office.authenticators.throttle.allow(f"contact-address:{HERE.address}")
    with pytest.raises(DoorwardError, match="contact-too-often"):
        await asked(office, session)
    assert office.mailed == []


async def test_a_mailbox_that_cannot_be_reached_leaves_no_code(office: Desk) -> None:
    session = await signed_in(office)
    mailer = office.control.mailer
    assert isinstance(mailer, KeptMail)
    mailer.broken = True
    with pytest.raises(DoorwardError, match="mail-unsent"):
        await asked(office, session)
    async with office.store.transaction() as transaction:
        assert await awaited_address(transaction, ALICE, office.now) is None


async def test_the_store_never_holds_the_code(office: Desk) -> None:
    code = await asked(office, await signed_in(office))
    assert code not in repr(office.store.content())


# Attacks by a session


async def test_a_session_too_old_or_too_weak_changes_nothing(office: Desk) -> None:
    await office.with_passkey(ALICE)
    strong = await signed_in(office)
    await added(office, strong)
    code = await asked(office, strong, OTHER)
    old = await signed_in(office, age=601)
    methods: tuple[Method, ...] = ("password", "totp")
    password = Proof(ALICE, methods, phishing_resistant=False, multi_factor=True, aal=2)
    weak = await office.session(password)
    before, sent = office.store.content(), len(office.mailed)
    for session in (old, weak):
        with pytest.raises(StepUpNeededError):
            await ask_address(office.authenticators, HERE, session, "x@home.test", office.now)
        with pytest.raises(StepUpNeededError):
            await confirmed(office, session, code)
        with pytest.raises(StepUpNeededError):
            await remove_own_address(office.control, session, office.now)
    assert office.store.content() == before
    assert len(office.mailed) == sent


async def test_a_session_that_ended_changes_nothing(office: Desk) -> None:
    code = await asked(office, await signed_in(office))
    gone = SessionId("ses_gone")
    for act in (
        ask_address(office.authenticators, HERE, gone, OTHER, office.now),
        confirm_address(office.authenticators, HERE, gone, code, office.now),
        remove_own_address(office.control, gone, office.now),
    ):
        with pytest.raises(DoorwardError, match="session-unknown"):
            await act
    assert await further(office) is None


async def test_a_disabled_person_changes_nothing(office: Desk) -> None:
    session = await signed_in(office)
    code = await asked(office, session)
    await office.disable(ALICE)
    with pytest.raises(DoorwardError):
        await confirmed(office, session, code)
    assert await further(office) is None


# What it is not


async def test_it_is_no_identity_and_no_fact(office: Desk) -> None:
    session = await signed_in(office)
    before = office.control.live.current
    await added(office, session)
    snapshot = office.control.live.current
    assert snapshot.number == before.number, "no decision can see it"
    assert find_user(snapshot, FURTHER) is None
    sent = len(office.mailed)
    assert await request_recovery(office.authenticators, HERE, FURTHER, office.now) is None
    assert len(office.mailed) == sent


async def test_it_stays_when_the_estates_address_changes(office: Desk) -> None:
    await added(office, await signed_in(office))
    await readdress(office, "alice@new.test")
    assert await further(office) == FURTHER


async def test_who_leaves_or_is_removed_takes_it_along(office: Desk) -> None:
    alice, bob = await signed_in(office), await signed_in(office, BOB)
    await added(office, alice)
    await added(office, bob, OTHER)
    await asked(office, alice, OTHER)
    await leave(office.control, Act(OPERATOR, office.now), ALICE)
    assert (await further(office), await further(office, BOB)) == (None, OTHER)
    async with office.store.transaction() as transaction:
        leaver = Leaver(BOB, office.control.live.current, office.now, OPERATOR)
        await forget_person(transaction, leaver)
    assert await further(office, BOB) is None
