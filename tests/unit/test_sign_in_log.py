"""What is written into a person's log of sign-ins, by whom, and for how long."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.authentication import Browser, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.sign_in_passkey import begin_passkey, sign_in_passkey
from doorward.administrator.sign_in_password import sign_in_password
from doorward.administrator.sign_ins.ports import NewSignIn
from doorward.administrator.strengthen_session import strengthen_session
from doorward.administrator.sweep_expired import SIGN_INS_PER_SWEEP, sweep_expired
from doorward.errors import DoorwardError
from doorward.estate import parse_estate
from tests.fakes.account import FIREFOX, browser, sessions, sign_ins
from tests.fakes.sign_in import ALICE, BOB, HERE, PASSWORD, Desk, desk

DAY = 86_400
PASSKEY = Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=3)


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def test_a_sign_in_and_a_step_up_are_there_with_their_session(office: Desk) -> None:
    here = await browser(office, address="203.0.113.9")
    stepped = Browser("192.0.2.8", "Other", "f")
    act = Act("user:alice", office.now + 60)
    await strengthen_session(
        office.control, act, session=here.session, proof=PASSKEY, browser=stepped
    )
    second, first = await sign_ins(office)
    assert (first.outcome, first.session, first.at) == ("signed-in", here.session, office.now)
    assert (first.address, first.user_agent, first.aal) == ("203.0.113.9", FIREFOX, 2)
    assert (second.outcome, second.session, second.at) == (
        "stepped-up",
        here.session,
        office.now + 60,
    )
    assert (second.address, second.methods, second.aal) == ("192.0.2.8", ("passkey",), 3)


async def test_no_session_no_entry(office: Desk) -> None:
    await office.disable(ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await browser(office)
    assert await sign_ins(office) == []
    assert sessions(office) == set()


async def fail_by_password(office: Desk, name: str, **changed: str) -> None:
    fields = {"password": PASSWORD, "code": office.code(ALICE), **changed}
    password, code = fields["password"], fields["code"]
    with pytest.raises(DoorwardError):
        await sign_in_password(
            office.authenticators, HERE, name=name, password=password, code=code, now=office.now
        )


async def test_a_failed_attempt_on_a_known_person_is_in_their_log_only(office: Desk) -> None:
    await office.with_password(ALICE)
    await fail_by_password(office, "alice", password="wrong words here")
    await fail_by_password(office, "alice@example.test", code="000000")
    await fail_by_password(office, "nobody-of-that-name")
    entries = await sign_ins(office)
    assert [item.why for item in entries] == ["wrong-code", "wrong-password"]
    assert {(item.outcome, item.session, item.aal) for item in entries} == {("rejected", "", 0)}
    assert await sign_ins(office, BOB) == []


async def test_a_passkey_that_fails_is_in_the_log_of_its_person(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    stranger = replace(device, key=ec.generate_private_key(ec.SECP256R1()))
    options = await begin_passkey(office.authenticators, HERE, user=None, now=office.now)
    answer = stranger.get(options)
    with pytest.raises(DoorwardError, match="passkey-rejected"):
        await sign_in_passkey(office.authenticators, HERE, answer, user=None, now=office.now)
    (entry,) = await sign_ins(office)
    assert (entry.outcome, entry.methods) == ("rejected", ("passkey",))
    (audited,) = await office.audited("sign-in-rejected")
    assert audited["target"] == "user:alice"


async def test_a_flood_of_attempts_does_not_fill_the_log(office: Desk) -> None:
    await office.with_password(ALICE)
    for _ in range(25):
        await fail_by_password(office, "alice", code="000000")
    assert len(await sign_ins(office)) == 10


async def test_old_entries_go_with_the_sweep(office: Desk) -> None:
    await browser(office)
    later = office.now + 30 * DAY
    await sweep_expired(office.control, later, sign_in_log_days=30)
    assert len(await sign_ins(office)) == 1
    await sweep_expired(office.control, later + 1, sign_in_log_days=0)
    assert len(await sign_ins(office)) == 1
    await sweep_expired(office.control, later + 1, sign_in_log_days=30)
    assert await sign_ins(office) == []


async def test_a_sweep_removes_a_bounded_number(office: Desk) -> None:
    await browser(office)
    (entry,) = await sign_ins(office)
    fields = msgspec.structs.asdict(entry)
    del fields["seq"], fields["disowned_at"]
    async with office.store.transaction() as transaction:
        for _ in range(SIGN_INS_PER_SWEEP):
            await transaction.sign_ins.append(NewSignIn(**fields))
    await sweep_expired(office.control, office.now + 2 * DAY, sign_in_log_days=1)
    assert len(await sign_ins(office)) == 1


async def test_a_person_who_is_removed_takes_their_log_along(office: Desk) -> None:
    await apply_estate(office.control, Act("operator", office.now), parse_estate(WITH_BOB))
    await browser(office, BOB)
    assert len(await sign_ins(office, BOB)) == 1
    await apply_estate(office.control, Act("operator", office.now), parse_estate({}))
    assert await sign_ins(office, BOB) == []


WITH_BOB = {"people.toml": '[[user]]\nid = "bob"\nname = "Bob"\nemail = "bob@example.test"\n'}
