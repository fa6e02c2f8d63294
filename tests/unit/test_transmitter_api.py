"""Transmitters in the API and the console: streams are made, signals are shown, and no secret."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from doorward.administrator.receiver.receive_set import receive_set
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app as api
from doorward.model.snapshot import change
from doorward.model.transmitter import Transmitter
from tests.fakes import signals_transmitter as other
from tests.fakes.office import CONSOLE, HOSTILE, NOON, Office, office
from tests.fakes.signals_transmitter import TOKEN
from tests.unit.signals_world import ISSUER, declared

ALICE = {"format": "email", "email": "alice@example.org"}


@pytest.fixture
def there() -> other.Transmitter:
    return other.Transmitter(ISSUER, lambda: NOON)


@pytest.fixture
async def company(there: other.Transmitter) -> Office:
    company = await office(signals=there)
    await declare(company, declared(provider="", name=HOSTILE))
    return company


async def declare(company: Office, transmitter: Transmitter) -> None:
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("transmitter", transmitter)])


@pytest.fixture
async def operator(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    application = api(company.context(OperatorSocket()))
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorward/api/v1") as client:
        yield client


async def shown(company: Office) -> str:
    application = company.console()
    headers = {**company.headers(), "sec-fetch-site": "same-origin"}
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE, headers=headers) as client:
        return (await client.get("/signals")).text


async def test_a_stream_is_made_verified_asked_and_ended(
    operator: httpx.AsyncClient, there: other.Transmitter
) -> None:
    (listed,) = (await operator.get("/transmitters")).json()
    assert (listed["stream"], listed["management_set"]) == ("", False)
    answer = await operator.post("/transmitters/watch/connect")
    assert (answer.status_code, answer.json()["code"]) == (409, "transmitter-secret-missing")
    answer = await operator.put("/transmitters/watch/secret", json={"secret": TOKEN})
    assert answer.json() == {"secret_set": True}
    found = (await operator.post("/transmitters/watch/connect")).json()
    assert (found["stream"], found["push_set"], found["status"]) == ("stream-1", True, "enabled")
    assert (await operator.post("/transmitters/watch/connect")).status_code == 409
    assert (await operator.post("/transmitters/watch/verify")).json()["verifying"]
    there.status = "paused"
    assert (await operator.post("/transmitters/watch/status")).json()["status"] == "paused"
    assert (await operator.get("/transmitters/watch")).json()["verifying"]
    ended = await operator.post("/transmitters/watch/disconnect")
    assert (ended.json()["stream"], there.stream) == ("", None)
    for answer in (await operator.get("/transmitters"), ended):
        assert TOKEN not in answer.text


async def test_an_unknown_transmitter_is_404(operator: httpx.AsyncClient) -> None:
    assert (await operator.get("/transmitters/unknown")).status_code == 404
    assert (await operator.post("/transmitters/unknown/connect")).status_code == 404


async def test_a_transmitter_that_is_away_is_503(
    operator: httpx.AsyncClient, company: Office
) -> None:
    await declare(company, declared(provider="", issuer="https://away.example"))
    await operator.put("/transmitters/watch/secret", json={"secret": TOKEN})
    assert (await operator.post("/transmitters/watch/connect")).status_code == 503


async def test_signals_are_listed_newest_first_and_by_page(
    operator: httpx.AsyncClient, company: Office, there: other.Transmitter
) -> None:
    await operator.put("/transmitters/watch/secret", json={"secret": TOKEN})
    await operator.post("/transmitters/watch/connect")
    transmitter = company.receiver.transmitter("watch")
    for uri in ("urn:example:first", "urn:example:<b>second"):
        await receive_set(company.receiver, transmitter, there.token(uri, {}, ALICE), NOON)
    page = (await operator.get("/received-signals", params={"limit": 1})).json()
    assert [item["type"] for item in page["signals"]] == ["urn:example:<b>second"]
    page = (await operator.get("/received-signals", params={"before": page["before"]})).json()
    assert [item["outcome"] for item in page["signals"]] == ["event-unknown"]
    assert page["before"] is None
    text = await shown(company)
    assert "Event unknown" in text
    assert "urn:example:&lt;b&gt;second" in text
    assert HOSTILE not in text


async def test_the_console_says_how_to_begin(company: Office) -> None:
    text = await shown(company)
    assert "doorward signal connect watch" in text
    assert "No stream" in text
