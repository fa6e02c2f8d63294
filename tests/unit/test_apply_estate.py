from __future__ import annotations

import asyncio

import pytest

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.authentication import Browser, Proof
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.issue_resource_cookie import issue_resource_cookie
from doorward.administrator.open_session import open_session
from doorward.administrator.ports import Password
from doorward.administrator.service_tokens import issue_service_token
from doorward.administrator.set_standing import set_user_risk
from doorward.administrator.set_user_groups import set_user_groups
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.estate import parse_estate
from doorward.estate.parse import Estate
from doorward.model.ids import DeviceId, GroupId, ResourceId, ServiceId, SessionId, UserId
from doorward.model.snapshot import Snapshot
from tests.fakes.fleet import SoftwareDevice
from tests.fakes.store import MemoryStore, StoreLive, control_plane
from tests.unit.estate_files import CEDAR, TOML

ACT = Act("operator", 1000.0)
BOB, BOARD, CI = UserId("bob"), ResourceId("board"), ServiceId("ci")
PERSON = '\n[[user]]\nid = "bob"\nname = "Bob"\nemail = "bob@example.com"\n'
WITH_BOB = TOML + PERSON


def estate(toml: str, cedar: str = CEDAR) -> Estate:
    return parse_estate({"estate.toml": toml, "board.cedar": cedar})


@pytest.fixture
def control() -> ControlPlane:
    return control_plane(MemoryStore())


async def sign_in(control: ControlPlane, user: UserId) -> SessionId:
    proof = Proof(user, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    browser = Browser(address="192.0.2.1", user_agent="", flow="f")
    opened = await open_session(control, ACT, proof=proof, browser=browser, lifetime_seconds=600)
    return opened.session


async def audited(control: ControlPlane) -> list[tuple[str, dict[str, str]]]:
    async with control.store.transaction() as transaction:
        return [(e.act, e.detail) for e in await transaction.audit.entries(after=0, limit=99)]


async def test_an_estate_is_one_revision_and_one_entry_and_again_nothing(
    control: ControlPlane,
) -> None:
    applied = await apply_estate(control, ACT, estate(TOML))
    assert applied.effect.number == 1
    assert set(control.live.current.policies) == {"board-for-staff"}
    again = await apply_estate(control, ACT, estate(TOML))
    assert (again.plan.steps, again.effect.number) == ((), 1)
    [(act, detail)] = await audited(control)
    assert act == "estate-applied"
    assert "resource:board" in detail["add"]


async def test_whoever_is_removed_leaves_nothing_behind(control: ControlPlane) -> None:
    await apply_estate(control, ACT, estate(WITH_BOB))
    alice, session = await sign_in(control, UserId("alice")), await sign_in(control, BOB)
    await issue_resource_cookie(control, session=session, resource=BOARD)
    await SoftwareDevice(DeviceId("d")).enrolled(control, BOB)
    await set_user_risk(control, ACT, BOB, 9)
    await issue_service_token(control, ACT, service=CI, resources=[BOARD], ttl_seconds=600)
    async with control.store.transaction() as transaction:
        await transaction.credentials.put(Password(user=BOB, hash="h"))
    await apply_estate(control, ACT, estate(TOML))
    snapshot = control.live.current
    assert set(snapshot.sessions) == {alice}
    assert {cookie.session for cookie in snapshot.cookies.values()} == {alice}
    assert (snapshot.devices, snapshot.standings) == ({}, {})
    assert len(snapshot.service_tokens) == 1
    async with control.store.transaction() as transaction:
        assert await transaction.credentials.password(BOB) is None
        assert await transaction.devices.records.all() == []
    without_service = TOML.replace('[[service]]\nid = "ci"\nname = "CI"\n', "")
    await apply_estate(control, ACT, estate(without_service))
    assert not control.live.current.service_tokens


async def test_tokens_that_the_removed_may_know_end_when_a_service_gets_another_owner(
    control: ControlPlane,
) -> None:
    def owned_by(owner: str, toml: str) -> Estate:
        return estate(toml.replace('id = "ci"\n', f'id = "ci"\nowner = "{owner}"\n'))

    await apply_estate(control, ACT, owned_by("bob", WITH_BOB))
    await issue_service_token(control, ACT, service=CI, resources=[BOARD], ttl_seconds=600)
    await apply_estate(control, ACT, owned_by("alice", WITH_BOB))
    assert len(control.live.current.service_tokens) == 1
    await apply_estate(control, ACT, owned_by("bob", WITH_BOB))
    await apply_estate(control, ACT, owned_by("alice", TOML))
    assert control.live.current.services[CI].owner == "alice"
    assert not control.live.current.service_tokens


async def test_what_signals_said_outlives_an_apply_but_groups_return(control: ControlPlane) -> None:
    await apply_estate(control, ACT, estate(WITH_BOB))
    await set_user_risk(control, ACT, BOB, 80)
    await set_user_groups(control, ACT, BOB, [GroupId("finance")])
    applied = await apply_estate(control, ACT, estate(WITH_BOB))
    assert control.live.current.standings[BOB].risk == 80
    assert [(step.kind, step.id) for step in applied.plan.steps] == [("user", "bob")]
    assert control.live.current.users[BOB].groups == ()


class LateLive(StoreLive):
    """A replica that learns of each revision a little after it was committed."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._held = Snapshot()

    @property
    def current(self) -> Snapshot:
        return self._held

    async def reached(self, number: int) -> Snapshot:
        await asyncio.sleep(0.02)
        self._held = await self._store.load()
        return self._held


async def test_a_session_of_a_moment_ago_is_not_missed() -> None:
    store = MemoryStore()
    settled = control_plane(store)
    await apply_estate(settled, ACT, estate(WITH_BOB))
    late = ControlPlane(store, LateLive(store), settled.gateways, settled.secrets, settled.mailer)
    await sign_in(settled, BOB)
    assert not late.live.current.sessions
    await sign_out_everywhere(late, ACT, BOB)
    assert not (await store.load()).sessions
