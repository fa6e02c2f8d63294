"""Sessions that nobody uses end, and their people read why."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from doorward.adapters.secrets import SystemSecrets
from doorward.administrator.authentication import Proof
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.end_idle import AT_ONCE, end_idle, tell_last
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.idleness.limits import LATE_SECONDS, NO_LIMIT, IdleLimit
from doorward.administrator.ports import Transaction
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.signal_ports import PendingKind, Stream
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.administrator.signals.transmitting.supported import SUPPORTED
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId, SessionId
from doorward.model.snapshot import change
from doorward.protocol.signals.events import SESSION_REVOKED
from tests.contract.test_store_contract import record
from tests.fakes.account import browser, sessions, sign_ins
from tests.fakes.sign_in import ALICE, AUTH, Desk, desk
from tests.fakes.store import MemoryStore

HOUR = 3600
STRONG = Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=3)
PLAIN = Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)


@pytest.fixture
async def office() -> Desk:
    return limited(await desk(), IdleLimit(HOUR))


def limited(office: Desk, limit: IdleLimit) -> Desk:
    control = replace(office.control, activity=Activity(limit, "this"))
    office.authenticators = replace(office.authenticators, control=control)
    office.federation = replace(office.federation, authenticators=office.authenticators)
    return office


async def after(office: Desk, seconds: float) -> int:
    """Let so long pass, then end what is idle."""
    office.now += seconds
    return await end_idle(office.control, office.now)


async def long_session(office: Desk, proof: Proof = PLAIN) -> SessionId:
    """A session that is good for a day."""
    session = await office.session(proof)
    found = office.control.live.current.sessions[session]
    lasting = msgspec.structs.replace(found, expires_at=office.now + 86_400)
    await office.publish("session", lasting)
    return session


async def test_a_clock_that_was_set_back_ends_nothing_that_is_used(office: Desk) -> None:
    """What was heard by the clock before is no promise of silence until then."""
    await after(office, 0)
    office.now -= 2 * HOUR
    office.control.activity.told("gateway-1", office.now)
    session = await long_session(office)
    assert await after(office, HOUR - 1) == 0
    office.control.activity.used(session, office.now)
    assert await after(office, HOUR - 1) == 0
    assert sessions(office) == {session}
    assert await after(office, 1) == 1


async def test_what_nobody_used_ends_with_its_cookies_and_its_cause(office: Desk) -> None:
    session = await long_session(office)
    assert await after(office, HOUR - 1) == 0
    assert await after(office, 1) == 1
    snapshot = office.control.live.current
    assert (snapshot.sessions, snapshot.cookies) == ({}, {})
    assert await office.audited("session-idle") == [
        {
            "target": f"session:{session}",
            "user": "alice",
            "unused_seconds": "3600",
            "limit_seconds": "3600",
        }
    ]
    newest, _ = await sign_ins(office)
    assert (newest.outcome, newest.session, newest.at) == ("went-idle", session, office.now)
    assert await after(office, HOUR) == 0


async def test_at_aal_3_a_quarter_of_an_hour_is_the_most(office: Desk) -> None:
    plain, strong = await long_session(office), await long_session(office, STRONG)
    assert await after(office, 899) == 0
    assert await after(office, 1) == 1
    assert set(office.control.live.current.sessions) == {plain}
    assert strong != plain


async def test_a_shorter_limit_counts_at_aal_3_too() -> None:
    office = limited(await desk(), IdleLimit(300))
    await long_session(office, STRONG)
    assert await after(office, 300) == 1


async def test_a_step_up_is_use(office: Desk) -> None:
    session = await long_session(office)
    found = office.control.live.current.sessions[session]
    await office.publish(
        "session", msgspec.structs.replace(found, authenticated_at=office.now + 3000, aal=3)
    )
    assert await after(office, 3000 + 899) == 0
    assert await after(office, 1) == 1


@pytest.mark.parametrize(
    ("changed", "is_use"),
    [
        ({}, True),
        ({"source": "ticket"}, True),
        ({"outcome": "deny", "reason": "no-policy-permits"}, True),
        ({"source": "stream"}, False),
        ({"outcome": "deny", "reason": "device-mismatch"}, False),
        ({"outcome": "deny", "reason": "session-expired"}, False),
        ({"session": ""}, False),
    ],
)
async def test_which_decisions_are_use(
    office: Desk, changed: dict[str, object], is_use: bool
) -> None:
    session = await long_session(office)
    said = record(1, **{"session": session, "at": office.now + 60, **changed})
    office.control.activity.decided([said], office.now + 60)
    assert (await after(office, HOUR) == 0) is is_use
    assert await after(office, 61) == (1 if is_use else 0)


async def test_a_clock_ahead_keeps_nobody_in(office: Desk) -> None:
    session = await long_session(office)
    said = record(1, session=session, at=office.now + 9 * HOUR)
    office.control.activity.decided([said], office.now)
    assert await after(office, HOUR) == 1


async def test_every_page_is_use_and_the_sign_in_page_says_why_it_ended(office: Desk) -> None:
    here = await browser(office)
    await lasting(office, here.session)
    office.now += HOUR / 2
    assert (await here.client.get("/account")).status_code == 200
    assert await after(office, HOUR - 1) == 0
    assert await after(office, 1) == 1
    answer = await here.client.get("/account")
    assert answer.status_code == 303
    page = await here.client.get(answer.headers["location"])
    assert "because nobody used this session" in page.text
    stranger = await office.client().get("/sign-in")
    assert "because nobody used this session" not in stranger.text


async def lasting(office: Desk, session: SessionId) -> None:
    found = office.control.live.current.sessions[session]
    await office.publish("session", msgspec.structs.replace(found, expires_at=office.now + 86_400))


async def test_a_session_that_was_ended_otherwise_was_not_idle(office: Desk) -> None:
    here = await browser(office)
    await revoke_session(office.control, Act("operator", office.now), here.session)
    page = await here.client.get("/sign-in")
    assert "because nobody used this session" not in page.text


async def test_the_own_page_says_it_and_it_cannot_be_disowned(office: Desk) -> None:
    gone = await browser(office)
    await lasting(office, gone.session)
    assert await after(office, HOUR) == 1
    here = await browser(office)
    page = await here.client.get("/account/sign-ins")
    assert "Signed out, because nobody used it" in page.text
    entry = next(item for item in await sign_ins(office) if item.outcome == "went-idle")
    assert f'name="sign_in" value="{entry.seq}"' not in page.text
    same = {"origin": AUTH, "sec-fetch-site": "same-origin"}
    answer = await here.client.post(
        "/account/sign-ins/disown", data={"sign_in": str(entry.seq)}, headers=same
    )
    assert answer.status_code == 404
    assert sessions(office) == {here.session}


async def test_receivers_are_told_as_of_every_session_that_is_revoked(office: Desk) -> None:
    office.store.recorder = Recorder(AUTH, SystemSecrets(), lambda: office.now, Bell())
    stream = Stream(
        id="stm_1", receiver=ServiceId("crm"), method="poll", created_at=1.0, requested=SUPPORTED
    )
    async with office.store.transaction() as transaction:
        await transaction.signals.streams.put(stream)
    await long_session(office)
    assert await after(office, HOUR) == 1
    events: tuple[PendingKind, ...] = ("event",)
    async with office.store.transaction() as transaction:
        told = await transaction.signals.outbox.waiting("stm_1", 9, events)
    (event,) = [msgspec.json.decode(item.claims)["events"] for item in told]
    assert set(event) == {SESSION_REVOKED}
    assert "session-idle" in event[SESSION_REVOKED]["reason_admin"]["en"]


async def test_the_sessions_page_says_when_it_would_end(office: Desk) -> None:
    here = await browser(office)
    page = (await here.get("/account/sessions")).text
    assert "or when nobody uses it for 60 minutes" in page


async def test_a_gateway_that_is_late_is_waited_for_and_one_that_is_lost_is_not(
    office: Desk,
) -> None:
    await long_session(office)
    activity = office.control.activity
    activity.told("edge", office.now)
    # For an hour nothing was heard of the gateway: it holds up nobody any more.
    assert await after(office, HOUR) == 1

    await long_session(office)
    began = office.now
    activity.told("edge", began + HOUR - 60)
    assert await after(office, HOUR) == 0
    assert await after(office, LATE_SECONDS - 61) == 0
    assert await after(office, 1) == 1


async def test_what_a_late_gateway_tells_keeps_the_session(office: Desk) -> None:
    session = await long_session(office)
    activity, began = office.control.activity, office.now
    activity.told("edge", began + HOUR - 60)
    assert await after(office, HOUR) == 0
    activity.used(session, began + HOUR - 30)
    activity.told("edge", began + HOUR)
    assert await after(office, 60) == 0


async def test_another_process_wrote_that_it_is_used(office: Desk) -> None:
    session = await long_session(office)
    async with office.store.transaction() as transaction:
        await transaction.activity.heard({session: office.now + 600}, {})
    assert await after(office, HOUR) == 0
    assert await after(office, 600) == 1


async def test_a_restart_forgets_nothing_that_was_written(office: Desk) -> None:
    session = await long_session(office)
    office.control.activity.used(session, office.now + 600)
    await tell_last(office.control, office.now + 601)
    async with office.store.transaction() as transaction:
        assert await transaction.activity.sources() == {}
    limited(office, IdleLimit(HOUR))
    assert await after(office, HOUR + 599) == 0
    assert await after(office, 1) == 1


async def test_what_the_store_refused_is_written_next_time(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await long_session(office)
    office.control.activity.used(session, office.now + 5)

    async def refuse(control: ControlPlane, transaction: Transaction) -> None:
        del control, transaction
        raise DoorwardError("store-conflict", "Not now.")

    with monkeypatch.context() as patch:
        patch.setattr("doorward.administrator.end_idle.settled", refuse)
        with pytest.raises(DoorwardError):
            await after(office, 6)
    await after(office, 1)
    async with office.store.transaction() as transaction:
        used = await transaction.activity.used([session])
    assert used == {session: office.now - 2}


async def test_without_a_limit_nothing_is_kept() -> None:
    activity = Activity(NO_LIMIT)
    activity.used("ses_1", 5.0)
    activity.told("edge", 5.0)
    assert activity.last("ses_1") == 0
    assert activity.unwritten(9.0).sources == {"control": 9.0}


async def test_so_many_at_once_and_the_rest_next_time(office: Desk) -> None:
    session = await long_session(office)
    found = office.control.live.current.sessions[session]
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change("session", msgspec.structs.replace(found, id=SessionId(f"ses_x{number}")))
                for number in range(AT_ONCE)
            ]
        )
    assert await after(office, HOUR) == AT_ONCE
    assert await after(office, 0) == 1


async def test_activity_is_no_part_of_the_snapshot(office: Desk) -> None:
    session = await long_session(office)
    number = office.control.live.current.number
    office.control.activity.used(session, office.now + 5)
    await after(office, 60)
    assert office.control.live.current.number == number
    assert isinstance(office.store, MemoryStore)
