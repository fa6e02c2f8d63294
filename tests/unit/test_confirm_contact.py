"""Verifying an e-mail address by a code."""

from __future__ import annotations

import re

import msgspec
import pytest

from doorward.administrator.guesses import CONTACT_CODES
from doorward.administrator.identity.records import Contact, is_contact_of
from doorward.administrator.mailed_codes import MISTAKES
from doorward.administrator.proofing.confirm_contact import confirm_code, send_code
from doorward.bootstrap import LIMITS
from doorward.errors import DoorwardError
from doorward.model.ids import UserId
from doorward.model.snapshot import change
from tests.fakes.sign_in import ALICE, BOB, HERE, Desk, browser_at, desk
from tests.fakes.store import KeptMail

_CODE = re.compile(r"\b(\d{4}) (\d{4})\b")


@pytest.fixture
async def office() -> Desk:
    return await desk()


def mail(office: Desk) -> KeptMail:
    mailer = office.control.mailer
    assert isinstance(mailer, KeptMail)
    return mailer


async def sent(office: Desk, user: UserId = ALICE) -> str:
    await send_code(office.authenticators, HERE, user, office.now)
    found = _CODE.search(mail(office).sent[-1].text)
    assert found is not None
    return "".join(found.groups())


async def confirm(office: Desk, code: str, user: UserId = ALICE) -> Contact:
    return await confirm_code(office.authenticators, HERE, user, code, office.now)


async def contact(office: Desk, user: UserId = ALICE) -> Contact | None:
    async with office.store.transaction() as transaction:
        return await transaction.identity.contacts.of(user)


async def readdress(office: Desk, email: str) -> None:
    alice = office.control.live.current.users[ALICE]
    async with office.store.transaction() as transaction:
        moved = msgspec.structs.replace(alice, email=email)
        await transaction.snapshot.publish([change("user", moved)])


async def test_a_code_that_comes_back_verifies_the_address_and_nothing_more(office: Desk) -> None:
    code = await sent(office)
    assert mail(office).sent[-1].to == "alice@example.test"
    confirmed = await confirm(office, f"{code[:4]} {code[4:]}")
    assert await contact(office) == confirmed
    assert confirmed.value == "alice@example.test"
    assert not office.control.live.current.standings, "IAL stays 0"
    assert await office.audited("contact-verified") == [
        {"target": "user:alice", "address": "alice@example.test", "from": HERE.address}
    ]


async def test_a_code_works_once(office: Desk) -> None:
    code = await sent(office)
    await confirm(office, code)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code)


async def test_a_code_is_for_its_person(office: Desk) -> None:
    code = await sent(office)
    await sent(office, BOB)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code, BOB)
    assert await contact(office, BOB) is None


async def test_a_code_is_for_its_address(office: Desk) -> None:
    code = await sent(office)
    await readdress(office, "new@example.test")
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code)
    assert await contact(office) is None


async def test_a_code_is_too_late_after_ten_minutes(office: Desk) -> None:
    code = await sent(office)
    office.now += 600
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code)


async def test_a_newer_code_voids_the_one_before(office: Desk) -> None:
    first, second = await sent(office), await sent(office)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, first)
    await confirm(office, second)


async def test_so_many_mistakes_use_the_code_up(office: Desk) -> None:
    code = await sent(office)
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    for _ in range(MISTAKES):
        with pytest.raises(DoorwardError, match="contact-code-wrong"):
            await confirm(office, wrong)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code)
    assert len(await office.audited("contact-code-rejected")) == MISTAKES + 1


async def test_a_flood_of_guesses_does_not_fill_the_audit(office: Desk) -> None:
    for _ in range(3 * LIMITS["audit-address"].attempts):
        with pytest.raises(DoorwardError, match="contact-code-wrong"):
            await confirm(office, "00000000")
    noted = await office.audited("contact-code-rejected")
    assert len(noted) == LIMITS["audit-address"].attempts


async def test_one_mistake_less_does_not(office: Desk) -> None:
    code = await sent(office)
    for _ in range(MISTAKES - 1):
        with pytest.raises(DoorwardError, match="contact-code-wrong"):
            await confirm(office, "")
    await confirm(office, code)


@pytest.mark.parametrize("code", ["", "0", "٣" * 8, "x" * 5000, "\x00", "😀"])
async def test_what_is_no_code_is_refused(office: Desk, code: str) -> None:
    await sent(office)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code)
    with pytest.raises(DoorwardError, match="contact-code-wrong"):
        await confirm(office, code, BOB)


async def test_messages_are_not_sent_without_end(office: Desk) -> None:
    for _ in range(CONTACT_CODES.attempts):
        await sent(office)
    with pytest.raises(DoorwardError, match="contact-too-often"):
        await send_code(office.authenticators, browser_at("203.0.113.1"), ALICE, office.now)
    await sent(office, BOB)


async def test_a_mailbox_that_cannot_be_reached_leaves_no_code(office: Desk) -> None:
    mail(office).broken = True
    with pytest.raises(DoorwardError, match="mail-unsent"):
        await send_code(office.authenticators, HERE, ALICE, office.now)


async def test_the_store_never_holds_the_code(office: Desk) -> None:
    code = await sent(office)
    assert code not in repr(office.store.content())


def test_a_contact_counts_for_that_very_address() -> None:
    verified = Contact(user=ALICE, value="alice@example.test", verified_at=1.0)
    assert is_contact_of(verified, "Alice@Example.test")
    assert not is_contact_of(verified, "alice@example.test.evil")
    assert not is_contact_of(None, "alice@example.test")
    assert not is_contact_of(Contact(user=ALICE, value="", verified_at=1.0), "")
