"""Hosts that report by osquery, and secrets to enrol with, in the JSON API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from tests.fakes.office import office
from tests.unit.osquery_stand import UUID, Stand


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    async with stand.running():
        yield stand


@pytest.fixture
async def api(stand: Stand) -> AsyncIterator[httpx.AsyncClient]:
    company = await office()
    company.now = stand.now
    context = replace(
        company.context(OperatorSocket()), control=stand.control, osquery=stand.osquery
    )
    transport = httpx.ASGITransport(app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://api/api/v1") as opened:
        yield opened


async def test_a_secret_is_told_once_and_never_again(stand: Stand, api: httpx.AsyncClient) -> None:
    made = await api.post("/osquery/secrets", json={"note": "May", "lifetime_seconds": 3600})
    assert made.status_code == 201
    plain, found = made.json()["plain"], made.json()["id"]
    for path in ("/osquery/secrets", "/audit", "/osquery/hosts"):
        assert plain not in (await api.get(path)).text
    listed = {item["id"]: item for item in (await api.get("/osquery/secrets")).json()}
    assert listed[found]["note"] == "May"
    client = stand.client()
    client.flags.enroll_secret = plain
    await client.enroll()
    assert client.node_key not in (await api.get("/osquery/hosts")).text
    assert (await api.delete(f"/osquery/secrets/{found}")).json() == {"id": found}
    gone = await api.delete(f"/osquery/secrets/{found}")
    assert (gone.status_code, gone.json()["code"]) == (404, "osquery-secret-unknown")


@pytest.mark.parametrize(
    "body", [{"lifetime_seconds": 0}, {"lifetime_seconds": 10**12}, {"note": "x" * 201}, {"x": 1}]
)
async def test_a_secret_that_cannot_be_is_refused(
    api: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await api.post("/osquery/secrets", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "request-invalid")


async def test_a_host_is_listed_assigned_taken_off_and_removed(
    stand: Stand, api: httpx.AsyncClient
) -> None:
    await stand.device()
    client = stand.client()
    await client.turn()
    (host,) = (await api.get("/osquery/hosts")).json()
    assert (host["identifier"], host["state"], host["device"]) == (UUID, "candidate", None)
    assert (host["named_alike"], host["ignored"], host["lost"]) == (["laptop"], 0, False)
    assert host["last_seen_at"] is not None

    path = f"/osquery/hosts/{host['id']}"
    unknown = await api.put(f"{path}/device", json={"device": "nothing"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "device-unknown")
    assigned = (await api.put(f"{path}/device", json={"device": "laptop"})).json()
    assert (assigned["state"], assigned["device"]) == ("assigned", "laptop")
    await client.poll_distributed()
    assert stand.taking.latest("laptop")

    other = stand.client(identifier="other")
    await other.enroll()
    second = next(item for item in (await api.get("/osquery/hosts")).json() if not item["device"])
    taken = await api.put(f"/osquery/hosts/{second['id']}/device", json={"device": "laptop"})
    assert (taken.status_code, taken.json()["code"]) == (409, "osquery-device-taken")

    assert (await api.delete(f"{path}/device")).json()["state"] == "candidate"
    assert (await api.delete(path)).json() == {"id": host["id"]}
    assert (await api.delete(path)).json()["code"] == "osquery-host-unknown"
    acts = [entry.actor for entry in await stand.audit("osquery-removed")]
    assert acts == ["operator"]
