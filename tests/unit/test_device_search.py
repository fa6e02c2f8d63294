"""Finding devices: by words, owner, platform, how they stand, and what they do not pass."""

from __future__ import annotations

import pytest

from doorward.administrator.devices.health import failing_checks, fleet_summary
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.search import Search, find_devices
from doorward.model.estate import User
from doorward.model.ids import UserId
from doorward.model.snapshot import change
from tests.fakes.fleet import fleet_on
from tests.fakes.lively_fleet import BASE, HOSTILE_NAME, SSH, lively
from tests.fakes.store import MemoryStore, control_plane

NOW = 1_795_435_200.0
ALICE, BOB = UserId("alice"), UserId("bob")


@pytest.fixture
async def fleet() -> Fleet:
    store = MemoryStore()
    control = control_plane(store)
    people = [User(id=ALICE, name="Zoë Adams", email=""), User(id=BOB, name="Bob", email="")]
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", person) for person in people])
    await lively(control, [ALICE, BOB], NOW)
    return fleet_on(control)


async def names(fleet: Fleet, search: Search) -> list[str]:
    found = await find_devices(fleet, search, NOW, limit=1000)
    assert found.total == len(found.devices)
    return [device.name for device in found.devices]


async def test_figures_and_lists_agree(fleet: Fleet) -> None:
    summary = await fleet_summary(fleet, NOW)
    for standing in ("healthy", "unhealthy", "unknown", "silent", "suspended"):
        found = await find_devices(fleet, Search(standing=standing), NOW)
        assert found.total == getattr(summary, standing) > 0, standing


async def test_counts_of_checks_and_lists_agree(fleet: Fleet) -> None:
    counts = await failing_checks(fleet)
    for policy, fact in {(item.policy, item.fact) for item in counts}:
        expected = sum(
            item.devices for item in counts if (item.policy, item.fact) == (policy, fact)
        )
        assert (await find_devices(fleet, Search(check=(policy, fact)), NOW)).total == expected


@pytest.mark.parametrize(
    ("search", "count"),
    [
        (Search(), 42),
        (Search(text="thinkPAD 1"), 2),
        (Search(text="dev-0007"), 1),
        (Search(text="zoë"), 21),
        (Search(text="img SRC"), 1),
        (Search(text="xyzzy"), 0),
        (Search(owner="bob"), 21),
        (Search(owner="bo"), 0),
        (Search(platform="macos"), 7),
        (Search(platform="macos", standing="silent"), 1),
        (Search(check=(SSH, "sshd-password-login"), standing="healthy", owner="alice"), 3),
        (Search(check=(BASE, "disk-encrypted"), standing="silent"), 3),
        (Search(check=(BASE, "listeners")), 0),
    ],
)
async def test_devices_are_found(fleet: Fleet, search: Search, count: int) -> None:
    assert len(await names(fleet, search)) == count


async def test_they_are_paged_by_name(fleet: Fleet) -> None:
    everything = await names(fleet, Search())
    assert everything == sorted(everything, key=str.casefold)
    assert everything[0] == HOSTILE_NAME
    page = await find_devices(fleet, Search(), NOW, offset=40, limit=5)
    assert [device.name for device in page.devices] == everything[40:]
    assert page.total == 42
    assert not (await find_devices(fleet, Search(), NOW, offset=99)).devices
