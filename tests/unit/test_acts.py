"""What each administrative act changes, records and refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from doorward.administrator.authentication import Browser, Proof, digest
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.enrolment_codes import make_enrolment_code
from doorward.administrator.devices.manage_devices import (
    remove_device,
    report_posture,
    set_device_risk,
)
from doorward.administrator.devices.suspend import suspend_device
from doorward.administrator.invite_user import invite_user
from doorward.administrator.issue_resource_cookie import issue_resource_cookie
from doorward.administrator.open_session import open_session
from doorward.administrator.ports import Password
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.service_tokens import issue_service_token, revoke_service_token
from doorward.administrator.set_session_risk import set_session_risk
from doorward.administrator.set_standing import disable_user, enable_user, set_user_risk
from doorward.administrator.set_user_groups import set_user_groups
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.administrator.strengthen_session import strengthen_session
from doorward.administrator.sweep_expired import sweep_expired
from doorward.errors import DoorwardError
from doorward.model.estate import Group, Label, Resource, Service, User
from doorward.model.ids import (
    DeviceId,
    GroupId,
    LabelId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UserId,
)
from doorward.model.snapshot import change
from tests.fakes.fleet import SoftwareDevice
from tests.fakes.store import MemoryStore, ObedientGateways, control_plane

ALICE, BOB, NOBODY = UserId("alice"), UserId("bob"), UserId("nobody")
STAFF, PAYROLL, WIKI = GroupId("staff"), ResourceId("payroll"), ResourceId("wiki")
BACKUP = ServiceId("backup")
LAPTOP = DeviceId("laptop")
ACT = Act("operator", 1000.0)
BROWSER = Browser(address="192.0.2.1", user_agent="test", flow="flow")
PASSKEY = Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
PASSWORD = Proof(ALICE, ("password", "totp"), phishing_resistant=False, multi_factor=True, aal=2)
PRINT = "a" * 64

Step = Callable[[ControlPlane], Awaitable[object]]


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    resources = [
        Resource(
            id=name,
            name=name,
            host=name,
            upstream="http://127.0.0.1:1",
            label=LabelId("internal"),
            owner=ALICE,
        )
        for name in (PAYROLL, WIKI)
    ]
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change("group", Group(id=STAFF, name="Staff")),
                change("label", Label(id=LabelId("internal"), name="Internal", sensitivity=20)),
                *(
                    change("user", User(id=user, name=user, email=f"{user}@example.com"))
                    for user in (ALICE, BOB)
                ),
                *(change("resource", resource) for resource in resources),
                change("service", Service(id=BACKUP, name="Backup")),
            ]
        )
    return store


@pytest.fixture
def control(store: MemoryStore) -> ControlPlane:
    return control_plane(store)


async def acts_of(control: ControlPlane) -> list[tuple[str, str]]:
    async with control.store.transaction() as transaction:
        entries = await transaction.audit.entries(after=0, limit=100)
    return [(entry.act, entry.target) for entry in entries]


async def signed_in(control: ControlPlane, proof: Proof = PASSKEY) -> SessionId:
    opened = await open_session(control, ACT, proof=proof, browser=BROWSER, lifetime_seconds=600)
    await issue_resource_cookie(control, session=opened.session, resource=PAYROLL)
    return opened.session


async def test_a_session_begins_with_a_cookie_that_is_stored_hashed(control: ControlPlane) -> None:
    opened = await open_session(control, ACT, proof=PASSKEY, browser=BROWSER, lifetime_seconds=600)
    snapshot = control.live.current
    session = snapshot.sessions[opened.session]
    assert (session.user, session.expires_at, session.authenticated_at) == (ALICE, 1600.0, 1000.0)
    assert snapshot.cookies[digest(opened.secret)].session == opened.session
    assert opened.secret not in repr(snapshot)
    assert opened.effect.enforced


async def test_a_disabled_person_gets_no_session(control: ControlPlane) -> None:
    await disable_user(control, ACT, ALICE, "left")
    with pytest.raises(DoorwardError, match="user-disabled"):
        await signed_in(control)
    await enable_user(control, ACT, ALICE)
    await signed_in(control)


async def test_stepping_up_says_what_the_latest_proof_said(control: ControlPlane) -> None:
    session = await signed_in(control)
    later = Act("user:alice", 1300.0)
    stepped = await strengthen_session(
        control, later, session=session, proof=PASSWORD, browser=BROWSER
    )
    snapshot = control.live.current
    assert snapshot.sessions[session].authenticated_at == 1300.0
    assert not snapshot.sessions[session].phishing_resistant
    assert snapshot.sessions[session].expires_at == 1600.0
    auth = [cookie.id for cookie in snapshot.cookies.values() if cookie.resource == "auth"]
    assert auth == [digest(stepped.secret)]
    assert len(snapshot.cookies) == 2


@pytest.mark.parametrize(
    ("user", "at", "session"),
    [(BOB, 1001.0, "own"), (ALICE, 1600.0, "own"), (ALICE, 1001.0, "other")],
    ids=["another person", "expired", "unknown"],
)
async def test_stepping_up_needs_the_persons_own_live_session(
    control: ControlPlane, user: UserId, at: float, session: str
) -> None:
    own = await signed_in(control)
    proof = Proof(user, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await strengthen_session(
            control,
            Act("x", at),
            session=own if session == "own" else SessionId(session),
            proof=proof,
            browser=BROWSER,
        )


async def test_a_resource_has_one_cookie_of_a_session(control: ControlPlane) -> None:
    session = await signed_in(control)
    again = await issue_resource_cookie(control, session=session, resource=PAYROLL)
    ids = [c.id for c in control.live.current.cookies.values() if c.resource == PAYROLL]
    assert ids == [digest(again.secret)]


async def test_revoking_a_session_ends_its_cookies_and_no_others(control: ControlPlane) -> None:
    ended, kept = await signed_in(control), await signed_in(control)
    done = await revoke_session(control, ACT, ended, "lost laptop")
    snapshot = control.live.current
    assert set(snapshot.sessions) == {kept}
    assert {cookie.session for cookie in snapshot.cookies.values()} == {kept}
    assert done.number == snapshot.number
    assert (await acts_of(control))[-1] == ("session-revoked", f"session:{ended}")


@pytest.mark.parametrize("end", [disable_user, sign_out_everywhere])
async def test_signing_out_everywhere_and_disabling_end_all_of_one_persons_sessions(
    control: ControlPlane, end: Callable[[ControlPlane, Act, UserId], Awaitable[object]]
) -> None:
    await signed_in(control)
    await signed_in(control, PASSWORD)
    bob = await signed_in(
        control, Proof(BOB, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    )
    await end(control, ACT, ALICE)
    assert set(control.live.current.sessions) == {bob}
    assert {cookie.session for cookie in control.live.current.cookies.values()} == {bob}
    assert control.live.current.standings.keys() == ({ALICE} if end is disable_user else set())


async def test_an_act_that_changes_nothing_is_no_act(control: ControlPlane) -> None:
    await set_user_risk(control, ACT, ALICE, 40, "odd hours")
    before = (control.live.current.number, await acts_of(control))
    await set_user_risk(control, ACT, ALICE, 40, "odd hours")
    await enable_user(control, ACT, ALICE)
    await sign_out_everywhere(control, ACT, ALICE)
    assert (control.live.current.number, await acts_of(control)) == before


async def test_risk_survives_enabling_and_a_disabled_person_stays_so(control: ControlPlane) -> None:
    await set_user_risk(control, ACT, ALICE, 40)
    await disable_user(control, ACT, ALICE)
    await set_user_risk(control, ACT, ALICE, 90)
    standing = control.live.current.standings[ALICE]
    assert (standing.disabled, standing.risk) == (True, 90)


async def test_session_risk_and_groups(control: ControlPlane) -> None:
    session = await signed_in(control)
    await set_session_risk(control, ACT, session, 70, "new country")
    await set_user_groups(control, ACT, ALICE, [STAFF, STAFF])
    assert control.live.current.sessions[session].risk == 70
    assert control.live.current.users[ALICE].groups == (STAFF,)


async def test_a_devices_life(control: ControlPlane) -> None:
    await SoftwareDevice(LAPTOP).enrolled(control, ALICE)
    assert control.live.current.devices[LAPTOP].healthy is None
    await report_posture(control, ACT, LAPTOP, healthy=False, reason="disk not encrypted")
    await set_device_risk(control, ACT, LAPTOP, 55)
    device = control.live.current.devices[LAPTOP]
    assert (device.healthy, device.reason, device.risk) == (False, "disk not encrypted", 55)
    await report_posture(control, ACT, LAPTOP, healthy=None)
    assert control.live.current.devices[LAPTOP].healthy is None
    await remove_device(control, ACT, LAPTOP)
    assert not control.live.current.devices


async def test_a_service_token_is_shown_once_and_stored_hashed(control: ControlPlane) -> None:
    issued = await issue_service_token(
        control, ACT, service=BACKUP, resources=[WIKI, PAYROLL, WIKI], ttl_seconds=3600
    )
    token_id, _, secret = issued.bearer.partition(".")
    token = control.live.current.service_tokens[token_id]
    assert token_id.startswith("dwt_")
    assert token.secret_hash == digest(secret)
    assert token.resources == (PAYROLL, WIKI)
    assert token.expires_at == 4600.0
    assert secret not in repr(control.live.current)
    await revoke_service_token(control, ACT, token.id)
    assert not control.live.current.service_tokens


@pytest.mark.parametrize("ttl_seconds", [0, 59, 401 * 86_400, -1])
async def test_a_service_token_lives_neither_shortly_nor_for_ever(
    control: ControlPlane, ttl_seconds: float
) -> None:
    with pytest.raises(DoorwardError, match="token-lifetime-invalid"):
        await issue_service_token(
            control, ACT, service=BACKUP, resources=[WIKI], ttl_seconds=ttl_seconds
        )


async def test_an_invitation_is_kept_as_a_digest(control: ControlPlane) -> None:
    secret = await invite_user(control, ACT, ALICE, ttl_seconds=60)
    async with control.store.transaction() as transaction:
        assert await transaction.one_time.peek("invitation", secret, 1000.0) is None
        assert await transaction.one_time.peek("invitation", digest(secret), 1059.0) is not None
        assert await transaction.one_time.peek("invitation", digest(secret), 1060.0) is None


async def test_sweeping_removes_only_what_has_expired(control: ControlPlane) -> None:
    session = await signed_in(control)
    await issue_service_token(control, ACT, service=BACKUP, resources=[WIKI], ttl_seconds=7200)
    await invite_user(control, ACT, ALICE, ttl_seconds=60)
    assert await sweep_expired(control, 1599.0) == 0
    assert session in control.live.current.sessions
    assert await sweep_expired(control, 1600.0) == 3
    assert not control.live.current.sessions
    assert not control.live.current.cookies
    assert len(control.live.current.service_tokens) == 1
    assert await sweep_expired(control, 8200.0) == 1


UNKNOWN: list[tuple[str, Step]] = [
    ("user-unknown", lambda c: disable_user(c, ACT, NOBODY)),
    ("user-unknown", lambda c: enable_user(c, ACT, NOBODY)),
    ("user-unknown", lambda c: set_user_risk(c, ACT, NOBODY, 1)),
    ("user-unknown", lambda c: sign_out_everywhere(c, ACT, NOBODY)),
    ("user-unknown", lambda c: invite_user(c, ACT, NOBODY, ttl_seconds=60)),
    ("user-unknown", lambda c: set_user_groups(c, ACT, NOBODY, [])),
    ("group-unknown", lambda c: set_user_groups(c, ACT, ALICE, [GroupId("x")])),
    ("session-unknown", lambda c: revoke_session(c, ACT, SessionId("x"))),
    ("session-unknown", lambda c: set_session_risk(c, ACT, SessionId("x"), 1)),
    (
        "session-unknown",
        lambda c: issue_resource_cookie(c, session=SessionId("x"), resource=PAYROLL),
    ),
    ("device-unknown", lambda c: remove_device(c, ACT, LAPTOP)),
    ("device-unknown", lambda c: report_posture(c, ACT, LAPTOP, healthy=True)),
    ("device-unknown", lambda c: set_device_risk(c, ACT, LAPTOP, 1)),
    ("device-unknown", lambda c: suspend_device(c, ACT, LAPTOP, "lost")),
    ("user-unknown", lambda c: make_enrolment_code(c, ACT, owner=NOBODY)),
    ("device-invalid", lambda c: make_enrolment_code(c, ACT, owner=ALICE, device="a b")),
    ("device-invalid", lambda c: make_enrolment_code(c, ACT, owner=ALICE, device="a" * 65)),
    ("token-unknown", lambda c: revoke_service_token(c, ACT, ServiceTokenId("x"))),
    (
        "service-unknown",
        lambda c: issue_service_token(
            c, ACT, service=ServiceId("x"), resources=[WIKI], ttl_seconds=60
        ),
    ),
    (
        "resource-unknown",
        lambda c: issue_service_token(
            c, ACT, service=BACKUP, resources=[ResourceId("x")], ttl_seconds=60
        ),
    ),
    (
        "resource-unknown",
        lambda c: issue_service_token(c, ACT, service=BACKUP, resources=[], ttl_seconds=60),
    ),
    ("risk-out-of-range", lambda c: set_user_risk(c, ACT, ALICE, 101)),
    ("risk-out-of-range", lambda c: set_user_risk(c, ACT, ALICE, -1)),
]


@pytest.mark.parametrize(("code", "step"), UNKNOWN)
async def test_what_is_refused_changes_and_records_nothing(
    control: ControlPlane, code: str, step: Step
) -> None:
    before = control.live.current
    with pytest.raises(DoorwardError, match=f"^{code}:"):
        await step(control)
    assert control.live.current is before
    assert await acts_of(control) == []


async def test_a_gateway_that_does_not_obey_in_time_is_said(control: ControlPlane) -> None:
    assert isinstance(control.gateways, ObedientGateways)
    control.gateways.obeys = False
    done = await disable_user(control, ACT, ALICE)
    assert not done.enforced
    assert control.live.current.standings[ALICE].disabled


async def test_credentials_are_untouched_by_disabling(control: ControlPlane) -> None:
    async with control.store.transaction() as transaction:
        await transaction.credentials.put(Password(user=ALICE, hash="h"))
    await disable_user(control, ACT, ALICE)
    async with control.store.transaction() as transaction:
        assert await transaction.credentials.password(ALICE) is not None
