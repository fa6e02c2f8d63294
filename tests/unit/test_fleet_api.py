"""The health of devices over the API, and as the command line prints it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from doorward.administrator.devices.sample_health import sample_health
from doorward.administrator.devices.take_facts import take_facts
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from doorward.entrypoints.cli.device_health import last_seen, print_health
from doorward.model.compliance import Check, Compliance
from doorward.model.ids import ComplianceId, DeviceId
from doorward.model.posture import Fact, Trust
from doorward.model.snapshot import change
from tests.fakes.fleet import fleet_on
from tests.fakes.office import NOON, Office
from tests.fakes.office import office as an_office

LAPTOP = DeviceId("laptop-7")
POLICY = Compliance(
    id=ComplianceId("base"),
    name="Basics",
    mode="enforce",
    checks=(
        Check(fact="firewall", want=True, words="Turn it on.", link="https://help.test/fw"),
        Check(fact="secure-boot", want=True, grace_hours=2),
        Check(fact="disk-encrypted", want=True),
        Check(fact="listeners", allowed=("tcp/22",)),
    ),
)


@pytest.fixture
async def office() -> Office:
    return await an_office()


@pytest.fixture
async def api(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish([change("compliance", POLICY)])
    found = [
        Fact(name="firewall", value=False, at=NOON, method="nft"),
        Fact(name="secure-boot", value=False, at=NOON, method="mokutil"),
        Fact(name="disk-encrypted", value=None, at=NOON, method="lsblk", why="It is not there."),
        Fact(name="listeners", value=("tcp/22",), at=NOON, method="ss"),
    ]
    fleet = fleet_on(office.control)
    await take_facts(fleet, LAPTOP, found, Trust.SIGNED, NOON)
    await sample_health(fleet, NOON)
    application = app(office.context(OperatorSocket()))
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1") as client:
        yield client


async def asked(api: httpx.AsyncClient, path: str) -> Any:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_device_is_shown_in_full(api: httpx.AsyncClient) -> None:
    found = await asked(api, "/devices/laptop-7/health")
    assert (found["owner"], found["healthy"], found["silent"]) == ("bob", False, False)
    assert found["reason"] == "Not as it must be: Firewall."
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert facts["firewall"] == {
        "name": "firewall",
        "title": "Firewall",
        "value": False,
        "at": "2026-11-23T12:00:00Z",
        "method": "nft",
        "trust": "signed",
        "why": "",
    }
    assert facts["listeners"]["value"] == ["tcp/22"]
    states = [(item["fact"], item["state"], bool(item["until"])) for item in found["findings"]]
    assert states == [
        ("firewall", "failing", False),
        ("disk-encrypted", "unknown", False),
        ("secure-boot", "grace", True),
    ]
    assert found["findings"][0]["words"] == "Turn it on."
    assert [item["healthy"] for item in found["history"]] == [False]
    assert (await api.get("/devices/none/health")).json()["code"] == "device-unknown"


async def test_the_fleet_at_a_glance(api: httpx.AsyncClient) -> None:
    found = await asked(api, "/fleet")
    now = found["now"]
    assert (now["healthy"], now["unhealthy"], now["unknown"]) == (0, 2, 0)
    assert {item["fact"]: item["devices"] for item in found["failing"]} == {
        "firewall": 1,
        "disk-encrypted": 1,
        "secure-boot": 1,
    }
    assert found["silent"] == []
    [sample] = await asked(api, "/fleet/samples")
    assert sample["unhealthy"] == 2
    assert await asked(api, "/fleet/samples?since=4000000000") == []


async def test_devices_come_in_pages(api: httpx.AsyncClient) -> None:
    first = await asked(api, "/fleet/health?limit=1")
    second = await asked(api, f"/fleet/health?limit=1&after={first[0]['device']}")
    assert [first[0]["device"], second[0]["device"]] == ["laptop-7", "laptop-9"]
    assert await asked(api, "/fleet/health?after=laptop-9") == []
    assert (await api.get("/fleet/health?limit=501")).json()["code"] == "request-invalid"


async def test_what_a_policy_would_do(api: httpx.AsyncClient) -> None:
    assert await asked(api, "/compliance") == [
        {
            "policy": "base",
            "name": "Basics",
            "mode": "enforce",
            "passing": 0,
            "grace": 0,
            "failing": 1,
            "unknown": 0,
        }
    ]


async def test_what_the_command_prints(
    api: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await asked(api, "/devices/laptop-7/health")
    print_health(found | {"suspended": "cloned", "silent": True}, "unhealthy")
    said = capsys.readouterr().out
    for words in (
        "laptop-7 of bob is unhealthy. Not as it must be: Firewall.",
        "(silent)",
        "It is suspended: cloned.",
        "unknown: It is not there.",
        "tcp/22",
        "Turn it on. https://help.test/fw",
    ):
        assert words in said
    empty = found | {"facts": [], "findings": [], "history": [], "last_seen_at": None}
    print_health(empty, "unknown")
    said = capsys.readouterr().out
    assert "It has reported nothing." in said
    assert last_seen(empty) == "never"
