"""What a host reports makes its device healthy or ill, as far as a policy takes its word."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from doorward.administrator.devices.take_facts import take_facts
from doorward.model.compliance import Check, Compliance
from doorward.model.ids import ComplianceId, DeviceId
from doorward.model.posture import Fact, Trust
from doorward.model.snapshot import change
from tests.fakes.osquery_client import OsqueryClient
from tests.fakes.osquery_desk import osquery_on
from tests.unit.osquery_stand import Stand

LAPTOP = DeviceId("laptop")


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    stand.osquery = osquery_on(stand.control, take_facts)
    async with stand.running():
        yield stand


async def demanding(stand: Stand, trust: int) -> None:
    checks = (
        Check(fact="disk-encrypted", want=True, trust=trust),
        Check(fact="extra-uid0-accounts", at_most=0, trust=trust),
    )
    policy = Compliance(id=ComplianceId("base"), name="Base", checks=checks, mode="enforce")
    async with stand.control.store.transaction() as transaction:
        await transaction.snapshot.publish([change("compliance", policy)])


def healthy(stand: Stand) -> bool | None:
    return stand.control.live.current.devices[LAPTOP].healthy


async def reporting(stand: Stand, trust: int) -> OsqueryClient:
    await demanding(stand, trust)
    client = stand.client()
    await stand.assigned(client)
    await client.turn()
    return client


async def test_a_device_is_healthy_by_its_word_and_ill_by_the_next(stand: Stand) -> None:
    client = await reporting(stand, 0)
    assert healthy(stand) is True
    client.machine.execute("INSERT INTO users VALUES (0, 'toor', '')")
    stand.pass_time(300, client)
    await client.turn()
    assert healthy(stand) is False


async def test_its_word_is_not_taken_where_a_signature_is_demanded(stand: Stand) -> None:
    await reporting(stand, 1)
    assert healthy(stand) is not True


async def test_it_speaks_over_no_signed_fact(stand: Stand) -> None:
    client = await reporting(stand, 0)
    assert healthy(stand) is True
    stand.pass_time(60, client)
    ill = Fact(name="disk-encrypted", value=False, at=stand.now, method="lsblk")
    await take_facts(stand.osquery.fleet, LAPTOP, [ill], Trust.SIGNED, stand.now)
    assert healthy(stand) is False
    stand.pass_time(300, client)
    await client.turn()
    assert healthy(stand) is False, "a later word of a bearer stands beside it"


async def test_what_failed_on_the_host_is_no_health(stand: Stand) -> None:
    await demanding(stand, 0)
    client = stand.client()
    await stand.assigned(client)
    client.machine.execute("DROP TABLE disk_encryption")
    await client.turn()
    assert healthy(stand) is not True
