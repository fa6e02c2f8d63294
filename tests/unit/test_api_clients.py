"""Clients, sign-ins to them and signing keys in the JSON API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from doorward.model.snapshot import change
from tests.fakes.office import Office, office
from tests.fakes.openid_desk import client


@pytest.fixture
async def company() -> Office:
    return await office()


@pytest.fixture
async def api(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app(company.context(OperatorSocket())))
    async with httpx.AsyncClient(transport=transport, base_url="http://api/api/v1") as opened:
        yield opened


async def test_a_secret_is_told_once_and_never_again(api: httpx.AsyncClient) -> None:
    assert (await api.get("/clients")).json()[0]["secrets"] == 0
    made = (await api.post("/clients/wiki/secret", json={})).json()
    assert len(made["secret"]) > 20
    (listed,) = (await api.get("/clients")).json()
    assert (listed["id"], listed["secrets"], listed["sessions"]) == ("wiki", 1, 2)
    for path in ("/clients", "/audit"):
        assert made["secret"] not in (await api.get(path)).text


async def test_a_former_secret_counts_as_long_as_it_holds(
    company: Office, api: httpx.AsyncClient
) -> None:
    await api.post("/clients/wiki/secret", json={})
    await api.post("/clients/wiki/secret", json={"former_hold_seconds": 60})
    assert (await api.get("/clients")).json()[0]["secrets"] == 2
    company.now += 60
    assert (await api.get("/clients")).json()[0]["secrets"] == 1
    too_long = await api.post("/clients/wiki/secret", json={"former_hold_seconds": 10**8})
    assert too_long.json()["code"] == "client-overlap-invalid"


async def test_no_secret_for_a_client_that_has_none(
    company: Office, api: httpx.AsyncClient
) -> None:
    unknown = await api.post("/clients/nobody/secret", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "client-unknown")
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("client", client("app", public=True))])
    public = await api.post("/clients/app/secret", json={})
    assert (public.status_code, public.json()["code"]) == (400, "client-public")


async def test_sign_ins_are_listed_and_ended(api: httpx.AsyncClient) -> None:
    found = (await api.get("/client-sessions", params={"client": "wiki"})).json()
    assert [(item["sid"], item["user"]) for item in found] == [
        ("sid_0002", "bob"),
        ("sid_0001", "alice"),
    ]
    assert (await api.get("/client-sessions", params={"client": "other"})).json() == []
    assert (await api.delete("/client-sessions/sid_0002")).json()["enforced"] is True
    assert [item["sid"] for item in (await api.get("/client-sessions")).json()] == ["sid_0001"]
    again = await api.delete("/client-sessions/sid_0002")
    assert (again.status_code, again.json()["code"]) == (404, "client-session-unknown")


async def test_keys_are_rotated(api: httpx.AsyncClient) -> None:
    before = (await api.get("/signing-keys")).json()
    assert [key["signs"] for key in before] == [True, True]
    after = (await api.post("/signing-keys/rotate", json={})).json()
    assert [key["signs"] for key in after] == [True, True, False, False]
    at_once = (await api.post("/signing-keys/rotate", json={"at_once": True})).json()
    assert len(at_once) == 2
    assert not {key["id"] for key in at_once} & {key["id"] for key in after}
    assert "sealed" not in str(at_once)
