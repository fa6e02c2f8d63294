"""`This was not me`: what it ends, raises, records and tells, and whose it can be."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from doorward.administrator.accept_invitation import read_invitation
from doorward.administrator.authentication import Browser
from doorward.administrator.control_plane import Act
from doorward.administrator.disown_sign_in import Disowned, disown_sign_in
from doorward.administrator.recovery_ports import Recovery
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.set_standing import set_user_risk
from doorward.administrator.sign_in_entries import refused
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import SessionId, UserId
from tests.fakes.account import browser, sessions, sign_ins
from tests.fakes.sign_in import ALICE, BOB, HERE, Desk, desk
from tests.fakes.store import KeptMail

SECURITY = "security@example.test"


@pytest.fixture
async def office() -> Desk:
    return await desk()


def person(office: Desk, user: UserId = ALICE) -> User:
    return office.control.live.current.users[user]


async def disown(office: Desk, seq: int, current: SessionId, user: UserId = ALICE) -> Disowned:
    return await disown_sign_in(
        office.control,
        Act(f"user:{user}", office.now),
        person(office, user),
        seq,
        current=current,
        security_contact=SECURITY,
    )


async def attempt(office: Desk, method: str = "password") -> int:
    stranger = Browser("203.0.113.9", "Stranger", "e2" * 32)
    entry = refused(ALICE, stranger, method, "wrong-code", office.now)
    async with office.store.transaction() as transaction:
        return (await transaction.sign_ins.append(entry)).seq


def risk(office: Desk) -> tuple[int, str]:
    standing = office.control.live.current.standings.get(ALICE)
    return (standing.risk, standing.reason) if standing else (0, "")


def sent(office: Desk) -> list[str]:
    assert isinstance(office.control.mailer, KeptMail)
    return [mail.to for mail in office.control.mailer.sent]


async def test_every_session_but_the_one_that_says_so_ends(office: Desk) -> None:
    here, _, stranger = [await browser(office) for _ in range(3)]
    bob = await browser(office, BOB)
    newest = (await sign_ins(office))[0]
    assert newest.session == stranger.session
    done = await disown(office, newest.seq, here.session)
    assert sessions(office) == {here.session}
    assert sessions(office, BOB) == {bob.session}
    assert not done.current_ended
    assert done.effect.enforced
    assert office.gateways.waited[-1] == done.effect.number
    assert {item.session for item in office.control.live.current.cookies.values()} == {
        here.session,
        bob.session,
    }


async def test_the_session_that_says_so_ends_where_it_is_the_one(office: Desk) -> None:
    here = await browser(office)
    await browser(office)
    done = await disown(office, (await sign_ins(office))[1].seq, here.session)
    assert done.current_ended
    assert sessions(office) == set()


async def test_a_sign_in_whose_session_is_long_gone_ends_the_others(office: Desk) -> None:
    old = await browser(office)
    await revoke_session(office.control, Act("user:alice", office.now), old.session)
    here, _ = await browser(office), await browser(office)
    done = await disown(office, (await sign_ins(office))[-1].seq, here.session)
    assert done.sign_in.session == old.session
    assert sessions(office) == {here.session}


@pytest.mark.parametrize(
    ("failed_by", "void"),
    [("", True), ("recovery", True), ("invitation", True), ("password", False)],
)
async def test_what_would_let_a_stranger_in_is_void(
    office: Desk, failed_by: str, void: bool
) -> None:
    """An invitation and recoveries of one's own, and what was approved in one's name.

    A thief in a session, who can fail as often as they like, ends nobody's recovery by it.
    """
    here = await browser(office)
    await browser(office)
    secret = await office.invite(ALICE)
    async with office.store.transaction() as transaction:
        for number, (user, by) in enumerate([(ALICE, ""), (ALICE, BOB), (BOB, ALICE), (BOB, "")]):
            await transaction.recoveries.put(
                Recovery(
                    id=f"rec_{number}",
                    user=user,
                    flow=f"{number:064x}",
                    sealed_code=b"",
                    requested_at=office.now,
                    expires_at=office.now + 900,
                    address="203.0.113.9",
                    user_agent="Stranger",
                    state="approved" if by else "waiting",
                    decided_by=f"user:{by}" if by else "",
                )
            )
    seq = await attempt(office, failed_by) if failed_by else (await sign_ins(office))[0].seq
    await disown(office, seq, here.session)
    async with office.store.transaction() as transaction:
        left = [n for n in range(4) if await transaction.recoveries.get(f"rec_{n}") is not None]
    assert left == ([3] if void else [0, 1, 2, 3])
    with pytest.raises(DoorwardError, match="invitation-invalid") if void else nullcontext():
        await read_invitation(office.authenticators, HERE, secret, office.now)


@pytest.mark.parametrize(("before", "after"), [(0, 80), (79, 80), (80, 80), (95, 95)])
async def test_risk_rises_and_never_falls(office: Desk, before: int, after: int) -> None:
    here = await browser(office)
    await set_user_risk(office.control, Act("operator", office.now), ALICE, before, "before")
    await browser(office)
    await disown(office, (await sign_ins(office))[0].seq, here.session)
    reason = "the person disowned a sign-in" if after > before else "before"
    assert risk(office) == (after, reason)


async def test_an_attempt_ends_nothing_and_raises_risk_a_little(office: Desk) -> None:
    here, other = await browser(office), await browser(office)
    await disown(office, await attempt(office), here.session)
    assert sessions(office) == {here.session, other.session}
    assert risk(office) == (30, "the person disowned an attempt to sign in")
    assert sent(office) == [SECURITY]


async def test_it_is_said_once(office: Desk) -> None:
    here = await browser(office)
    await browser(office)
    seq = (await sign_ins(office))[0].seq
    await disown(office, seq, here.session)
    again = await browser(office)
    before = office.store.content()
    done = await disown(office, seq, here.session)
    assert office.store.content() == before
    assert again.session in sessions(office)
    assert not done.current_ended
    assert len(await office.audited("sign-in-disowned")) == 1
    assert len(sent(office)) == 2


async def test_only_ones_own_can_be_named(office: Desk) -> None:
    here, bob = await browser(office), await browser(office, BOB)
    theirs = (await sign_ins(office, BOB))[0].seq
    before = office.store.content()
    for seq in (theirs, 10**9):
        with pytest.raises(DoorwardError, match="sign-in-unknown"):
            await disown(office, seq, here.session)
    assert office.store.content() == before
    assert sessions(office, BOB) == {bob.session}
    assert sent(office) == []


async def test_the_audit_says_what_was_disowned(office: Desk) -> None:
    here, other = await browser(office), await browser(office, address="203.0.113.9")
    seq = (await sign_ins(office))[0].seq
    await disown(office, seq, here.session)
    assert await office.audited("sign-in-disowned") == [
        {
            "target": "user:alice",
            "sign_in": str(seq),
            "outcome": "signed-in",
            "session": other.session,
            "address": "203.0.113.9",
        }
    ]


async def test_person_and_security_contact_are_told_without_a_link(office: Desk) -> None:
    here = await browser(office)
    await browser(office, address="203.0.113.9")
    await disown(office, (await sign_ins(office))[0].seq, here.session)
    assert sent(office) == ["alice@example.test", SECURITY]
    assert isinstance(office.control.mailer, KeptMail)
    to_person, to_security = (mail.text for mail in office.control.mailer.sent)
    for text in (to_person, to_security):
        assert "203.0.113.9" in text
        assert "passkey" in text
        assert "http" not in text
    assert "doorward user risk alice 0" in to_security


async def test_mail_that_nobody_takes_undoes_nothing(office: Desk) -> None:
    here = await browser(office)
    await browser(office)
    assert isinstance(office.control.mailer, KeptMail)
    office.control.mailer.broken = True
    await disown(office, (await sign_ins(office))[0].seq, here.session)
    assert sessions(office) == {here.session}
    assert risk(office)[0] == 80


async def test_without_a_security_contact_nobody_else_is_told(office: Desk) -> None:
    here = await browser(office)
    seq = (await sign_ins(office))[0].seq
    await disown_sign_in(
        office.control, Act("user:alice", office.now), person(office), seq, current=here.session
    )
    assert sent(office) == ["alice@example.test"]


async def test_sign_in_is_open_after_it(office: Desk) -> None:
    """Whoever was put out by a thief comes back in, and ends the thief's session."""
    thief, owner = await browser(office), await browser(office)
    await disown(office, (await sign_ins(office))[0].seq, thief.session)
    assert sessions(office) == {thief.session}
    owner = await browser(office)
    answer = await owner.post("/account/sessions/end-others")
    assert answer.status_code == 303
    assert sessions(office) == {owner.session}
