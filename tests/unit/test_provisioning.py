"""People and groups that a directory provisions: what becomes of them here."""

from __future__ import annotations

import pytest

from doorward.administrator.authentication import Browser, Proof, find_user, require_enabled
from doorward.administrator.control_plane import Act
from doorward.administrator.directory.entries import Address, Details
from doorward.administrator.invite_user import invite_user
from doorward.administrator.open_session import open_session
from doorward.administrator.ports import Password
from doorward.administrator.provisioning.provision_group import (
    change_group,
    change_members,
    deprovision_group,
    provision_group,
)
from doorward.administrator.provisioning.provision_person import (
    change_person,
    deprovision_person,
    provision_person,
)
from doorward.administrator.set_standing import disable_user, enable_user
from doorward.administrator.set_user_groups import set_user_groups
from doorward.errors import DoorwardError
from doorward.model.estate import Group, Resource, Service, User
from doorward.model.identity import Standing
from doorward.model.ids import DeviceId, GroupId, LabelId, ResourceId, ServiceId, UserId
from doorward.model.snapshot import Change, change
from tests.fakes.fleet import SoftwareDevice
from tests.fakes.provisioning import ScimDesk

ACT = Act("service:idp", 1000.0)
OPERATOR = Act("operator", 1001.0)
ZOE = Details(
    user_name="Zoe@Example.org",
    display_name="Zoë",
    addresses=(Address(value="home@zoe.example"), Address(value="zoe@example.org", primary=True)),
)
BODY = b"{}"


@pytest.fixture
def desk() -> ScimDesk:
    return ScimDesk()


async def publish(desk: ScimDesk, *changes: Change) -> None:
    async with desk.store.transaction() as transaction:
        await transaction.snapshot.publish(changes)


async def person(desk: ScimDesk, name: str, **more: object) -> str:
    details = Details(user_name=name, **more)  # type: ignore[arg-type]
    return (await provision_person(desk.control, ACT, BODY, details)).entry.id


async def group(desk: ScimDesk, name: str, *members: str) -> str:
    details = Details(display_name=name)
    return (await provision_group(desk.control, ACT, BODY, details, members)).entry.id


async def refusal(work: object) -> str:
    with pytest.raises(DoorwardError) as caught:
        await work  # type: ignore[misc]
    return caught.value.code


def groups_of(desk: ScimDesk, user: str) -> tuple[str, ...]:
    return desk.control.live.current.users[user].groups


async def test_a_person_is_in_the_snapshot_with_their_primary_address(desk: ScimDesk) -> None:
    written = await provision_person(desk.control, ACT, BODY, ZOE)
    snapshot = desk.control.live.current
    assert written.number == snapshot.number
    assert snapshot.users == {
        "zoe@example.org": User(
            id=UserId("zoe@example.org"), name="Zoë", email="zoe@example.org", source="scim"
        )
    }
    [entry] = await desk.audit()
    assert (entry.actor, entry.act, entry.target) == (
        "service:idp",
        "person-provisioned",
        "user:zoe@example.org",
    )


@pytest.mark.parametrize(
    ("details", "name", "email"),
    [
        (Details(user_name="z", formatted_name="Dr. Z"), "Dr. Z", ""),
        (Details(user_name="z", given_name="Z", family_name="Ü"), "Z Ü", ""),
        (Details(user_name="z@example.org"), "z@example.org", "z@example.org"),
        (Details(user_name="z", addresses=(Address(value="a@b.example"),)), "z", "a@b.example"),
    ],
)
async def test_name_and_address_are_the_best_that_was_sent(
    desk: ScimDesk, details: Details, name: str, email: str
) -> None:
    await provision_person(desk.control, ACT, BODY, details)
    [user] = desk.control.live.current.users.values()
    assert (user.name, user.email) == (name, email)


@pytest.mark.parametrize(
    ("user_name", "user_id"),
    [
        ("Zoe", "zoe"),
        ("zoe@example.org", "zoe@example.org"),
        ("zoe müller", "usr_0001"),
        ("service:ci", "usr_0001"),
        ("usr_0009", "usr_0001"),
        ("x" * 129, "usr_0001"),
    ],
)
async def test_an_id_can_be_read_where_the_user_name_can_be_one(
    desk: ScimDesk, user_name: str, user_id: str
) -> None:
    assert await person(desk, user_name) == user_id


async def test_an_id_is_never_somebody_elses(desk: ScimDesk) -> None:
    first = await person(desk, "zoe")
    await deprovision_person(desk.control, ACT, first)
    second = await person(desk, "ZOE")
    assert (first, second) == ("zoe", "usr_0001")
    renamed = Details(user_name="yan")
    await change_person(desk.control, ACT, second, BODY, renamed)
    assert await person(desk, "zoe") == "usr_0002"


async def test_an_id_is_not_an_address_that_somebody_has(desk: ScimDesk) -> None:
    await provision_person(
        desk.control,
        ACT,
        BODY,
        Details(user_name="ann", addresses=(Address(value="A@example.org"),)),
    )
    other = Details(user_name="a@example.org", addresses=(Address(value="b@example.org"),))
    written = await provision_person(desk.control, ACT, BODY, other)
    assert written.entry.id == "usr_0001"
    found = find_user(desk.control.live.current, "a@EXAMPLE.org")
    assert found is not None
    assert found.id == "ann"


async def test_what_the_estate_declares_is_not_provisioned_again(desk: ScimDesk) -> None:
    bob = User(id=UserId("Bob"), name="Bob", email="bob@example.org")
    await publish(desk, change("user", bob), change("group", Group(id=GroupId("Ops"), name="Ops")))
    before = desk.content()
    wanted = [Details(user_name="bob"), Details(user_name="BOB@example.org")]
    for details in wanted:
        work = provision_person(desk.control, ACT, BODY, details)
        assert await refusal(work) == "directory-conflict"
    assert await refusal(group(desk, "OPS")) == "directory-conflict"
    assert desk.content() == before


@pytest.mark.parametrize(
    "details",
    [
        Details(user_name=""),
        Details(user_name="  "),
        Details(user_name="a\nb"),
        Details(user_name="z", display_name="x\x00"),
        Details(user_name="z", display_name="x" * 513),
        Details(user_name="z", given_name="\u202e"),
        Details(user_name="z", external_id="\x7f"),
        Details(user_name="z", addresses=(Address(value="nowhere"),)),
        Details(user_name="z", addresses=(Address(value="a@b c"),)),
        Details(user_name="z", addresses=(Address(value="a@b.example", type="\t"),)),
    ],
)
async def test_what_no_header_and_no_log_line_can_hold_is_refused(
    desk: ScimDesk, details: Details
) -> None:
    work = provision_person(desk.control, ACT, BODY, details)
    assert await refusal(work) == "directory-value-invalid"
    assert desk.control.live.current.users == {}


async def test_whoever_becomes_inactive_loses_all_that_is_open(desk: ScimDesk) -> None:
    zoe = UserId(await person(desk, "zoe"))
    proof = Proof(zoe, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    browser = Browser(address="192.0.2.1", user_agent="", flow="f")
    await open_session(desk.control, ACT, proof=proof, browser=browser, lifetime_seconds=600)
    await invite_user(desk.control, ACT, zoe, ttl_seconds=600)
    inactive = Details(user_name="zoe", active=False)
    await change_person(desk.control, ACT, zoe, BODY, inactive)
    snapshot = desk.control.live.current
    assert snapshot.sessions == {}
    assert snapshot.standings[zoe].disabled
    assert snapshot.standings[zoe].disabled_by == ("scim",)
    with pytest.raises(DoorwardError, match="user-disabled"):
        require_enabled(snapshot, zoe)
    await change_person(desk.control, ACT, zoe, BODY, Details(user_name="zoe", active=True))
    assert require_enabled(desk.control.live.current, zoe).id == zoe
    told = [entry.detail.get("active") for entry in await desk.audit() if "active" in entry.detail]
    assert told == ["True", "False", "True"]


async def test_an_operators_disable_is_not_undone_by_the_directory(desk: ScimDesk) -> None:
    zoe = UserId(await person(desk, "zoe"))
    await change_person(desk.control, ACT, zoe, BODY, Details(user_name="zoe", active=False))
    await disable_user(desk.control, OPERATOR, zoe, "an incident")
    await change_person(desk.control, ACT, zoe, BODY, Details(user_name="zoe", active=True))
    assert desk.control.live.current.standings[zoe].disabled
    await change_person(desk.control, ACT, zoe, BODY, Details(user_name="zoe", active=False))
    assert await refusal(enable_user(desk.control, OPERATOR, zoe)) == "user-inactive"
    await change_person(desk.control, ACT, zoe, BODY, Details(user_name="zoe"))
    assert desk.control.live.current.standings[zoe].disabled_by == ("doorward",)
    await enable_user(desk.control, OPERATOR, zoe)
    assert not desk.control.live.current.standings[zoe].disabled


async def test_a_disable_from_before_anybody_was_named_is_the_operators(desk: ScimDesk) -> None:
    zoe = UserId(await person(desk, "zoe"))
    await publish(desk, change("standing", Standing(id=zoe, disabled=True)))
    for active in (False, True):
        details = Details(user_name="zoe", active=active)
        await change_person(desk.control, ACT, zoe, BODY, details)
        assert desk.control.live.current.standings[zoe].disabled


async def test_who_has_left_is_not_let_in_by_being_active(desk: ScimDesk) -> None:
    zoe = UserId(await person(desk, "zoe", active=False))
    left = Standing(id=zoe, disabled=True, left=True, disabled_by=("scim",))
    await publish(desk, change("standing", left))
    await change_person(desk.control, ACT, zoe, BODY, Details(user_name="zoe", active=True))
    assert desk.control.live.current.standings[zoe].disabled


async def test_deprovisioning_leaves_nothing_to_sign_in_with(desk: ScimDesk) -> None:
    zoe = UserId(await person(desk, "zoe"))
    ops = await group(desk, "Ops", zoe)
    await SoftwareDevice(DeviceId("laptop")).enrolled(desk.control, zoe)
    owned = Resource(
        id=ResourceId("wiki"),
        name="Wiki",
        host="wiki",
        upstream="http://127.0.0.1:1",
        label=LabelId("internal"),
        owner=zoe,
    )
    script = Service(id=ServiceId("ci"), name="CI", owner=zoe)
    await publish(desk, change("resource", owned), change("service", script))
    async with desk.store.transaction() as transaction:
        await transaction.credentials.put(Password(user=zoe, hash="x"))
    before = await desk.store.directory.get("group", ops)
    await deprovision_person(desk.control, ACT, zoe)
    snapshot = desk.control.live.current
    assert (dict(snapshot.users), dict(snapshot.devices)) == ({}, {})
    async with desk.store.transaction() as transaction:
        assert await transaction.credentials.password(zoe) is None
    assert await desk.store.directory.members([ops]) == {}
    after = await desk.store.directory.get("group", ops)
    assert before is not None
    assert after is not None
    assert after.version == before.version + 1
    newest = (await desk.audit())[-1]
    assert newest.act == "person-deprovisioned"
    assert newest.detail == {"resources": "wiki", "services": "ci"}


async def test_members_of_a_group_are_in_it_for_policies(desk: ScimDesk) -> None:
    zoe, yan = await person(desk, "zoe"), await person(desk, "yan")
    ops = await group(desk, "On call", zoe)
    assert ops == "on-call"
    assert (groups_of(desk, zoe), groups_of(desk, yan)) == (("on-call",), ())
    await change_members(desk.control, ACT, ops, [yan, zoe], [])
    await change_members(desk.control, ACT, ops, [], [zoe, "nobody"])
    assert (groups_of(desk, zoe), groups_of(desk, yan)) == ((), ("on-call",))
    details = Details(display_name="On call, renamed")
    await change_group(desk.control, ACT, ops, BODY, details, [zoe])
    assert (groups_of(desk, zoe), groups_of(desk, yan)) == (("on-call",), ())
    assert desk.control.live.current.groups["on-call"].name == "On call, renamed"
    await deprovision_group(desk.control, ACT, ops)
    assert (groups_of(desk, zoe), dict(desk.control.live.current.groups)) == ((), {})


async def test_one_more_of_many_members_is_one_change(desk: ScimDesk) -> None:
    names = [await person(desk, f"p{number}") for number in range(60)]
    ops = await group(desk, "Ops", *names[:50])
    for added, removed in (([names[50]], []), ([], [names[0]]), ([names[51]], [names[1]])):
        await change_members(desk.control, ACT, ops, added, removed)
        last = desk.store._state.revisions[-1]
        assert {item.id for item in last.changes} == {*added, *removed}


async def test_a_change_of_members_that_changes_nothing_is_none(desk: ScimDesk) -> None:
    zoe = await person(desk, "zoe")
    ops = await group(desk, "Ops", zoe)
    before, entries = desk.content(), len(await desk.audit())
    written = await change_members(desk.control, ACT, ops, [zoe], ["nobody"])
    assert written.entry.version == 1
    assert (desk.content(), len(await desk.audit())) == (before, entries)


async def test_only_whom_the_directory_provisions_can_be_a_member(desk: ScimDesk) -> None:
    owner = User(id=UserId("owner"), name="Owner", email="owner@example.org")
    staff = Group(id=GroupId("staff"), name="Staff")
    await publish(desk, change("user", owner), change("group", staff))
    ops = await group(desk, "Ops")
    for stranger in ("owner", "staff", "nobody"):
        work = change_members(desk.control, ACT, ops, [stranger], [])
        assert await refusal(work) == "directory-value-invalid"
        assert await refusal(group(desk, "More", stranger)) == "directory-value-invalid"
    assert set(desk.control.live.current.groups) == {"staff", "ops"}


async def test_groups_in_groups_make_no_circle(desk: ScimDesk) -> None:
    inner = await group(desk, "Inner")
    middle = await group(desk, "Middle", inner)
    outer = await group(desk, "Outer", middle)
    assert desk.control.live.current.groups[inner].parents == (middle,)
    before = desk.content()
    for into in (inner, middle, outer):
        work = change_members(desk.control, ACT, into, [outer], [])
        assert await refusal(work) == "directory-value-invalid"
    assert desk.content() == before
    await deprovision_group(desk.control, ACT, middle)
    assert desk.control.live.current.groups[inner].parents == ()
    await change_members(desk.control, ACT, inner, [outer], [])


async def test_a_group_that_is_gone_is_gone_from_the_estate_too(desk: ScimDesk) -> None:
    ops = GroupId(await group(desk, "Ops"))
    owner = User(id=UserId("owner"), name="O", email="o@example.org", groups=(ops, GroupId("x")))
    script = Service(id=ServiceId("ci"), name="CI", groups=(ops,))
    staff = Group(id=GroupId("staff"), name="Staff", parents=(ops,))
    asserted = Standing(id=UserId("owner"), groups=(ops,))
    await publish(
        desk,
        change("user", owner),
        change("service", script),
        change("group", staff),
        change("standing", asserted),
    )
    await deprovision_group(desk.control, ACT, ops)
    snapshot = desk.control.live.current
    assert groups_of(desk, "owner") == ("x",)
    assert snapshot.services["ci"].groups == ()
    assert snapshot.groups["staff"].parents == ()
    assert snapshot.standings["owner"].groups == ()


@pytest.mark.parametrize(
    ("name", "group_id"),
    [
        ("On call", "on-call"),
        ("EU: Admins (Übersee)", "eu-admins-ubersee"),
        ("engineering", "engineering"),
        ("研究", "grp_0001"),
        ("grp_0002", "grp-0002"),
        ("x" * 200, "x" * 128),
    ],
)
async def test_a_groups_id_is_made_of_its_name(desk: ScimDesk, name: str, group_id: str) -> None:
    assert await group(desk, name) == group_id


async def test_two_groups_of_one_name_are_two(desk: ScimDesk) -> None:
    first, second = await group(desk, "Ops"), await group(desk, "ops")
    assert (first, second) == ("ops", "grp_0001")
    await deprovision_group(desk.control, ACT, first)
    assert await group(desk, "Ops") == "grp_0002"


async def test_an_older_version_is_not_what_is_changed(desk: ScimDesk) -> None:
    zoe = await person(desk, "zoe")
    details = Details(user_name="zoe", display_name="Z")
    await change_person(desk.control, ACT, zoe, BODY, details, version=1)
    before = desk.content()
    for work in (
        change_person(desk.control, ACT, zoe, BODY, details, version=1),
        deprovision_person(desk.control, ACT, zoe, version=1),
    ):
        assert await refusal(work) == "directory-entry-changed"
    assert await refusal(deprovision_person(desk.control, ACT, "x")) == "directory-entry-unknown"
    assert desk.content() == before


async def test_groups_of_a_provisioned_person_are_set_in_the_directory_alone(
    desk: ScimDesk,
) -> None:
    zoe = await person(desk, "zoe")
    work = set_user_groups(desk.control, OPERATOR, UserId(zoe), [])
    assert await refusal(work) == "user-provisioned"


async def test_a_group_that_is_called_like_a_declared_person_leaves_the_groups_that_it_is_in(
    desk: ScimDesk,
) -> None:
    await group(desk, "Staff")
    namesake = User(
        id=UserId("support"), name="S", email="s@example.org", groups=(GroupId("staff"),)
    )
    await publish(desk, change("user", namesake))
    await group(desk, "Support")
    await change_members(desk.control, ACT, "staff", ["support"], [])
    await change_members(desk.control, ACT, "staff", [], ["support"])
    snapshot = desk.control.live.current
    assert snapshot.groups["support"].parents == ()
    assert snapshot.users["support"].groups == ("staff",)
