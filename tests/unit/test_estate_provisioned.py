"""Estate files beside a directory: they may name whom it provisions, and not declare them."""

from __future__ import annotations

import pytest

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.control_plane import Act
from doorward.administrator.directory.entries import Address, Details
from doorward.administrator.provisioning.provision_group import provision_group
from doorward.administrator.provisioning.provision_person import provision_person
from doorward.errors import DoorwardError, EstateError, SourceError
from doorward.estate import EstateReader, Provisioned, parse_estate, provisioned
from doorward.model.estate import Group, User
from doorward.model.ids import GroupId, UserId
from doorward.model.snapshot import Snapshot, change
from tests.fakes.provisioning import ScimDesk
from tests.unit.estate_files import CEDAR, FILES, TOML, errors_of, with_change

ACT = Act("service:idp", 1000.0)
ZOE = User(id=UserId("zoe"), name="Zoë", email="zoe@example.org", source="scim")
OTHERS = provisioned(
    Snapshot().advance(
        1,
        [
            change("user", ZOE),
            change("user", User(id=UserId("owner"), name="O", email="o@example.org")),
            change("group", Group(id=GroupId("on-call"), name="On call", source="scim")),
        ],
    )
)


def errors(old: str, new: str) -> list[SourceError]:
    with pytest.raises(EstateError) as caught:
        parse_estate(with_change(old, new), OTHERS)
    return list(caught.value.errors)


def test_only_whom_a_directory_provisions_counts() -> None:
    names = {"zoe": "zoe", "zoe@example.org": "zoe"}
    assert Provisioned(frozenset({"zoe"}), frozenset({"on-call"}), names) == OTHERS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('owner = "alice"', 'owner = "zoe"'),
        ('groups = ["finance"]', 'groups = ["finance", "on-call"]'),
        ('parents = ["staff"]', 'parents = ["staff", "on-call"]'),
        ('name = "CI"', 'name = "CI"\nowner = "zoe"\ngroups = ["on-call"]'),
    ],
)
def test_files_may_name_them(old: str, new: str) -> None:
    files = with_change(old, new)
    assert parse_estate(files, OTHERS).documents["user"].keys() == {"alice"}
    assert errors_of(files)


@pytest.mark.parametrize(
    ("old", "new", "code", "marked"),
    [
        ('id = "alice"', 'id = "zoe"', "provisioned-id", 'id = "zoe"'),
        ('id = "alice"', 'id = "Zoe"', "provisioned-id", 'id = "Zoe"'),
        ("alice@example.com", "Zoe@Example.org", "provisioned-email", "Zoe@Example.org"),
        ('id = "finance"', 'id = "on-call"', "provisioned-id", 'id = "on-call"'),
    ],
)
def test_files_may_not_declare_them(old: str, new: str, code: str, marked: str) -> None:
    toml = TOML.replace(old, new)
    found = next(error for error in errors(old, new) if error.code == code)
    line = next(n for n, text in enumerate(toml.splitlines(), 1) if marked in text)
    assert (found.file, found.line) == ("estate.toml", line)


def test_a_reader_that_knows_the_files_asks_again_who_is_provisioned() -> None:
    reader, files = EstateReader(), with_change('owner = "alice"', 'owner = "zoe"')
    reader.read(files, OTHERS)
    with pytest.raises(EstateError):
        reader.read(files)
    reader.read(files, OTHERS)


async def test_applying_leaves_the_directorys_people_alone() -> None:
    desk = ScimDesk()
    written = await provision_person(desk.control, ACT, b"{}", Details(user_name="zoe"))
    await provision_group(desk.control, ACT, b"{}", Details(display_name="Ops"), ["zoe"])
    await apply_estate(desk.control, ACT, parse_estate(FILES))
    without_alice = {"estate.toml": '[[group]]\nid = "staff"\nname = "Staff"\n'}
    await apply_estate(desk.control, ACT, parse_estate(without_alice))
    snapshot = desk.control.live.current
    assert snapshot.users.keys() == {written.entry.id}
    assert snapshot.groups.keys() == {"staff", "ops"}
    assert snapshot.users["zoe"].groups == ("ops",)


@pytest.mark.parametrize(
    "details",
    [
        Details(user_name="alice"),
        Details(user_name="a", addresses=(Address(value="ALICE@example.com"),)),
    ],
)
async def test_whoever_is_provisioned_after_the_plan_is_not_declared_over(details: Details) -> None:
    desk = ScimDesk()
    planned = parse_estate(FILES)
    await provision_person(desk.control, ACT, b"{}", details)
    before = desk.content()
    with pytest.raises(DoorwardError, match="store-conflict"):
        await apply_estate(desk.control, ACT, planned)
    assert desk.content() == before


@pytest.mark.parametrize("declared", ["staff", "STAFF"])
async def test_a_group_provisioned_after_the_plan_is_not_declared_over(declared: str) -> None:
    desk = ScimDesk()
    await provision_group(desk.control, ACT, b"{}", Details(display_name="Staff"), [])
    files = {"estate.toml": TOML.replace('"staff"', f'"{declared}"'), "p.cedar": CEDAR[:0]}
    with pytest.raises(DoorwardError, match="store-conflict"):
        await apply_estate(desk.control, ACT, parse_estate(files))
