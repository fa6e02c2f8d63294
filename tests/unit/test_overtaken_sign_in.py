"""What becomes of a browser whose provider's word lost its worth before a session came of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from doorward.administrator.federation.complete import Completed, complete_federation
from doorward.entrypoints.login import federation
from doorward.model.estate import AssuranceRow
from tests.fakes.sign_in import ALICE
from tests.unit.federation_world import World, world
from tests.unit.test_federation_pages import come_back, location_in, start, there_and_back

SESSION = "__Host-doorward-session"
HARDWARE = (AssuranceRow(value="hwk", aal=3, phishing_resistant=True),)


@pytest.fixture
async def place() -> World:
    place = await world()
    await place.link("alice")
    return place


def overtaken(place: World, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """From now on the estate declares `work` so as soon as a callback was believed."""

    async def believed(*given: Any, **named: Any) -> Completed:
        completed = await complete_federation(*given, **named)
        await place.declare(**fields)
        return completed

    monkeypatch.setattr(federation, "complete_federation", believed)


async def refusals(place: World) -> list[tuple[str, str, str]]:
    found = await place.desk.audited("sign-in-rejected")
    return [(entry["target"], entry["method"], entry["why"]) for entry in found]


async def test_a_sign_in_by_a_former_issuer_is_refused_and_written_down(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken(place, monkeypatch, issuer="https://login.new.example")
    client, page = await there_and_back(place)
    assert page.status_code == 400
    assert "This sign-in could not be completed." in page.text
    assert SESSION not in client.cookies
    assert place.snapshot.sessions == {}
    why = "provider-declared-otherwise-meanwhile"
    assert await refusals(place) == [("provider:work", "federated", why)]


async def test_a_step_up_that_has_become_too_weak_is_refused_and_written_down(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.work.claims |= {"amr": ["hwk"]}
    await place.declare(amr=HARDWARE)
    client, _ = await there_and_back(place)
    before, cookie = dict(place.snapshot.sessions), client.cookies[SESSION]
    await place.declare(amr=HARDWARE)
    overtaken(place, monkeypatch, amr=())
    back = await _stepped_up(client, place)
    assert back.status_code == 400
    assert "proved less than is needed here" in back.text
    assert client.cookies[SESSION] == cookie
    assert place.snapshot.sessions == before
    assert [item.user for item in before.values()] == [ALICE]
    why = "assurance-lowered-meanwhile"
    assert await refusals(place) == [("provider:work", "federated", why)]


async def _stepped_up(client: httpx.AsyncClient, place: World) -> httpx.Response:
    page = await start(client, intent="step-up", need="hardware-key")
    return await come_back(client, place.work, location_in(page))
