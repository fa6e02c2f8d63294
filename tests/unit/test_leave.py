"""Joining, moving and leaving on the store in memory."""

from __future__ import annotations

import time

import msgspec
import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.handover import left_behind, owned_by
from doorward.administrator.join import Joined, join_user
from doorward.administrator.leave import leave
from doorward.administrator.reach import moves, reach_of
from doorward.administrator.set_standing import enable_user
from doorward.administrator.set_user_groups import set_user_groups
from doorward.errors import DoorwardError
from doorward.model.estate import Policy, Service, User
from doorward.model.identity import ServiceToken, Standing
from doorward.model.ids import (
    GroupId,
    PolicyId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    UserId,
)
from doorward.model.snapshot import change
from tests.fakes.office import NOON, Office, office
from tests.fakes.store import KeptMail

ALICE, BOB, CAROL, DAVE = (UserId(name) for name in ("alice", "bob", "carol", "dave"))
ACT = Act("user:alice", NOON)


@pytest.fixture
async def company() -> Office:
    made = await office()
    token = ServiceToken(
        id=ServiceTokenId("dwt_bobs"),
        service=ServiceId("bobs-script"),
        secret_hash="0" * 64,
        resources=(ResourceId("payroll"),),
        issued_at=NOON,
        expires_at=NOON + 60,
    )
    policy = Policy(
        id=PolicyId("bob-reads"),
        text='@id("bob-reads") permit (principal == User::"bob", action, resource);',
        file="p.cedar",
        line=1,
    )
    async with made.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change(
                    "service",
                    Service(id=ServiceId("bobs-script"), name="Bob's script", owner=BOB),
                ),
                change("service_token", token),
                change("policy", policy),
                change("standing", Standing(id=BOB, groups=(GroupId("platform"),), risk=7)),
            ]
        )
    return made


async def entries(company: Office) -> list[tuple[str, dict[str, str]]]:
    async with company.store.transaction() as transaction:
        return [(e.act, e.detail) for e in await transaction.audit.latest(99)]


async def test_leaving_ends_everything_in_one_act(company: Office) -> None:
    before = company.control.live.current.number
    left = await leave(company.control, ACT, BOB, "went elsewhere")
    snapshot = company.control.live.current
    assert (left.effect.number, snapshot.number) == (before + 1, before + 1)
    assert not [s for s in snapshot.sessions.values() if s.user == BOB]
    assert not snapshot.cookies
    assert "laptop-7" not in snapshot.devices
    assert set(snapshot.service_tokens) == {"dwt_0001"}
    assert snapshot.users[BOB].groups == ()
    assert snapshot.standings[BOB] == Standing(
        id=BOB,
        disabled=True,
        disabled_by=("doorward",),
        left=True,
        risk=7,
        reason="went elsewhere",
    )
    [(act, detail)] = (await entries(company))[:1]
    assert act == "user-left"
    assert detail == {
        "reason": "went elsewhere",
        "sessions": "1",
        "credentials": "3",
        "linked accounts": "1",
        "sign-ins to applications": "1",
        "devices": "1",
        "service tokens": "1",
        "verifications": "1",
    }


async def test_leaving_twice_is_leaving_once(company: Office) -> None:
    await leave(company.control, ACT, BOB, "x")
    before, acts = company.control.live.current.number, await entries(company)
    await leave(company.control, ACT, BOB, "x")
    assert (company.control.live.current.number, await entries(company)) == (before, acts)


async def test_nobody_unknown_leaves(company: Office) -> None:
    before = company.store.content()
    with pytest.raises(DoorwardError, match="user-unknown"):
        await leave(company.control, ACT, UserId("nobody"))
    assert company.store.content() == before


async def test_who_comes_back_comes_back_with_nothing(company: Office) -> None:
    await leave(company.control, ACT, BOB)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await join(company, BOB)
    await enable_user(company.control, ACT, BOB)
    snapshot = company.control.live.current
    assert (snapshot.standings[BOB].disabled, snapshot.standings[BOB].left) == (False, False)
    assert snapshot.standings[BOB].ial == 0
    assert "laptop-7" not in snapshot.devices
    joined = await join(company, BOB)
    assert set(joined.missing) == {
        "credential",
        "verified-address",
        "verified-identity",
        "device",
    }


async def test_an_approved_recovery_ends_with_whoever_leaves(company: Office) -> None:
    async with company.store.transaction() as transaction:
        asked = await transaction.recoveries.get("rec_0001")
        assert asked is not None
        await transaction.recoveries.put(msgspec.structs.replace(asked, state="approved"))
    await leave(company.control, ACT, CAROL)
    async with company.store.transaction() as transaction:
        assert await transaction.recoveries.get("rec_0001") is None


async def test_what_they_owned_is_listed_and_stays_until_it_is_handed_over(
    company: Office,
) -> None:
    left = await leave(company.control, ACT, ALICE)
    assert left.owned.resources == ("console", "handbook", "payroll")
    assert left.owned.cases == ("idc_0001",)
    await leave(company.control, ACT, BOB)
    async with company.store.transaction() as transaction:
        cases = await transaction.identity.cases.open()
    found = left_behind(company.control.live.current, cases)
    assert [item.user for item in found] == [ALICE, BOB]
    assert (found[1].services, found[1].policies) == (("bobs-script",), ("bob-reads",))
    assert owned_by(company.control.live.current, CAROL, cases).count == 0


async def test_thousands_who_left_with_nothing_cost_nothing(company: Office) -> None:
    """The page is asked for on the control plane's only thread."""
    snapshot = company.control.live.current
    text = 'permit (principal == User::"carol", action, resource);' * 10
    left = [
        change("standing", Standing(id=UserId(f"u{number}"), disabled=True, left=True))
        for number in range(4000)
    ]
    policies = [
        change("policy", Policy(id=PolicyId(f"p{number}"), text=text, file="p.cedar", line=1))
        for number in range(200)
    ]
    began = time.perf_counter()
    found = left_behind(snapshot.advance(snapshot.number + 1, [*left, *policies]), [])
    assert time.perf_counter() - began < 1
    assert found == []


async def test_a_name_within_a_name_is_not_named(company: Office) -> None:
    found = owned_by(company.control.live.current, UserId("bo"), [])
    assert found.policies == ()


async def join(company: Office, user: UserId, *, by_mail: bool = False) -> Joined:
    return await join_user(
        company.control,
        Act("operator", NOON),
        user,
        ttl_seconds=60,
        link=lambda secret: f"https://auth.example/invitation#{secret}",
        by_mail=by_mail,
    )


def mail(company: Office) -> KeptMail:
    assert isinstance(company.control.mailer, KeptMail)
    return company.control.mailer


async def test_joining_says_what_opens_and_what_is_missing(company: Office) -> None:
    async with company.store.transaction() as transaction:
        await transaction.credentials.remove_all(BOB)
    joined = await join(company, BOB, by_mail=True)
    assert joined.mailed
    assert joined.link in mail(company).sent[0].text
    assert joined.link.partition("#")[2]
    assert joined.missing == ("credential", "verified-address", "verified-identity")
    opens = {(item.resource, item.action): item for item in joined.reach if item.open}
    assert ("payroll", "read") in opens


async def test_an_invitation_that_no_mail_took_is_valid_still(company: Office) -> None:
    mail(company).broken = True
    joined = await join(company, BOB, by_mail=True)
    assert not joined.mailed
    assert joined.link


async def test_a_move_tells_gains_and_losses_before_it_happens(company: Office) -> None:
    snapshot = company.control.live.current
    found = moves(snapshot, DAVE, [GroupId("payroll")], NOON)
    assert [(m.after.resource, m.after.action, m.gained) for m in found] == [
        ("payroll", "read", True)
    ]
    assert found[0].after.needs == ("enrol-device", "repair-device")
    assert moves(snapshot, DAVE, [], NOON) == []
    back = moves(snapshot, CAROL, [], NOON)
    assert [(m.after.resource, m.gained) for m in back] == [("payroll", False)]
    assert company.control.live.current is snapshot


async def test_who_is_disabled_reaches_nothing(company: Office) -> None:
    await leave(company.control, ACT, BOB)
    reach = reach_of(company.control.live.current, BOB, NOON)
    assert len(reach) == 6
    assert all(item.closed for item in reach)


async def test_groups_of_a_directory_are_changed_there(company: Office) -> None:
    erin = User(id=UserId("erin"), name="Erin", email="e@example.test", source="scim")
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", erin)])
    before = company.store.content()
    with pytest.raises(DoorwardError, match="user-provisioned"):
        await set_user_groups(company.control, ACT, erin.id, [GroupId("platform")])
    assert company.store.content() == before
