"""Every notice about an account goes to both addresses; what lets somebody in goes to one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Never

import msgspec
import pytest
import structlog

from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.own_password import revoke_password
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.disown_sign_in import disown_sign_in
from doorward.administrator.identity.records import Contact
from doorward.administrator.join import join_user
from doorward.administrator.mail import Mail, Notice
from doorward.administrator.notices import addresses_of, notify_person
from doorward.administrator.proofing.confirm_contact import send_code
from doorward.errors import DoorwardError
from doorward.model.estate import User
from tests.fakes.account import browser, sign_ins
from tests.fakes.sign_in import ALICE, HERE, Desk, desk
from tests.fakes.store import KeptMail, MemoryStore

FIRST, FURTHER = "alice@example.test", "alice@home.test"
NOTICE = Notice(subject="Something happened", text="To your account.")


@pytest.fixture
async def office() -> Desk:
    office = await desk()
    await keep(office, FURTHER)
    return office


async def keep(office: Desk, address: str) -> None:
    async with office.store.transaction() as transaction:
        kept = Contact(user=ALICE, value=address, verified_at=1.0)
        await transaction.identity.notice_addresses.put(kept)


def alice(office: Desk, email: str = FIRST) -> User:
    return msgspec.structs.replace(office.control.live.current.users[ALICE], email=email)


def sent_to(office: Desk) -> list[str]:
    return [mail.to for mail in office.mailed]


@pytest.mark.parametrize(
    ("email", "told"),
    [
        (FIRST, [FIRST, FURTHER]),
        ("", [FURTHER]),
        (FURTHER, [FURTHER]),
        ("Alice@HOME.test", ["Alice@HOME.test"]),
    ],
)
async def test_each_address_is_told_once(office: Desk, email: str, told: list[str]) -> None:
    await notify_person(office.control, alice(office, email), NOTICE)
    assert sent_to(office) == told


async def test_nobody_is_told_where_there_is_no_address(office: Desk) -> None:
    async with office.store.transaction() as transaction:
        await transaction.identity.notice_addresses.remove(ALICE)
    await notify_person(office.control, alice(office, ""), NOTICE, also=[""])
    assert office.mailed == []


class _Unreachable(KeptMail):
    """Does not take messages to one address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    async def send(self, mail: Mail) -> None:
        if mail.to == self.address:
            raise DoorwardError("mail-unsent", "Nobody took the message.")
        await super().send(mail)


@pytest.mark.parametrize(("gone", "reached"), [(FIRST, FURTHER), (FURTHER, FIRST)])
async def test_one_that_cannot_be_reached_keeps_no_other_from_it(
    office: Desk, gone: str, reached: str
) -> None:
    control = replace(office.control, mailer=_Unreachable(gone))
    await notify_person(control, alice(office), NOTICE)
    mailer = control.mailer
    assert isinstance(mailer, _Unreachable)
    assert [mail.to for mail in mailer.sent] == [reached]


class _Away(MemoryStore):
    """Answers nothing."""

    def transaction(self) -> Never:
        raise DoorwardError("store-unavailable", "It is away.")


async def test_a_store_that_is_away_keeps_the_first_from_nothing(office: Desk) -> None:
    control = replace(office.control, store=_Away())
    with structlog.testing.capture_logs() as logs:
        assert await addresses_of(control, alice(office)) == [FIRST]
    assert [entry["event"] for entry in logs] == ["notice-address-unread"]


async def password_removed(office: Desk) -> None:
    await office.with_password(ALICE)
    office.mailed.clear()
    await revoke_password(office.control, Act("operator", office.now), ALICE)


async def sign_in_disowned(office: Desk) -> None:
    here = await browser(office)
    (entry,) = await sign_ins(office)
    act = Act("user:alice", office.now)
    await disown_sign_in(office.control, act, alice(office), entry.seq, current=here.session)


async def invitation_accepted(office: Desk) -> None:
    await office.with_passkey(ALICE)


async def told_by_name(office: Desk) -> None:
    await tell_person(office.control, alice(office), "It", "It happened.", office.now)


async def recovery_asked_for(office: Desk) -> None:
    client = office.client()
    await client.get("/recovery")
    headers = {"origin": str(client.base_url), "sec-fetch-site": "same-origin"}
    answer = await client.post("/recovery", data={"name": "alice"}, headers=headers)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "act",
    [password_removed, sign_in_disowned, invitation_accepted, told_by_name, recovery_asked_for],
)
async def test_notices_go_to_both(office: Desk, act: Callable[[Desk], Awaitable[None]]) -> None:
    await act(office)
    assert sent_to(office) == [FIRST, FURTHER]
    one, other = office.mailed
    assert (one.subject, one.text) == (other.subject, other.text)


async def invited(office: Desk) -> None:
    await join_user(
        office.control,
        Act("operator", office.now),
        ALICE,
        ttl_seconds=60,
        link=lambda secret: f"https://auth.test/invitation#{secret}",
        by_mail=True,
    )


async def code_sent(office: Desk) -> None:
    await send_code(office.authenticators, HERE, ALICE, office.now)


@pytest.mark.parametrize("act", [invited, code_sent])
async def test_what_lets_in_or_verifies_goes_to_the_estates_alone(
    office: Desk, act: Callable[[Desk], Awaitable[None]]
) -> None:
    await act(office)
    assert sent_to(office) == [FIRST]
