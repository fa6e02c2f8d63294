"""The console's People page: a hundred at a time, searched, with what the directory holds."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.office import Office, office


@pytest.fixture
async def company() -> Office:
    return await office()


@pytest.fixture
async def browser(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    application = company.console()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application),
        base_url="http://console.doorward.localhost:8080",
        headers=company.headers(),
    ) as client:
        yield client


def rows(page: httpx.Response) -> list[str]:
    return re.findall(r'href="/people/([^"?]+)" data-row', page.text)


async def test_a_page_shows_a_hundred_and_leads_to_the_next(
    company: Office, browser: httpx.AsyncClient
) -> None:
    own = len(company.control.live.current.users)
    await company.provision(120)
    first = await browser.get("/people")
    assert len(rows(first)) == 100
    assert f"1 to 100 of {own + 120}" in first.text
    assert "/people?from=100" in first.text
    last = await browser.get("/people?from=100")
    assert len(rows(last)) == own + 20
    assert "Later" not in last.text
    assert not set(rows(first)) & set(rows(last))


async def test_a_search_finds_and_keeps_itself_from_page_to_page(
    company: Office, browser: httpx.AsyncClient
) -> None:
    await company.provision(120)
    found = await browser.get("/people", params={"q": "ZOË"})
    assert len(rows(found)) == 40
    assert all(int(row.removeprefix("person-")) % 3 == 0 for row in rows(found))
    everyone = await browser.get("/people", params={"q": "person-"})
    assert "/people?q=person-&amp;from=100" in everyone.text
    nobody = await browser.get("/people", params={"q": '<script>"'})
    assert rows(nobody) == []
    assert "<script>&#34;" not in nobody.text
    assert "&lt;script&gt;" in nobody.text


@pytest.mark.parametrize("start", ["-1", "x", "1e3", "", "99999999"])
async def test_a_page_that_is_none_is_no_error(browser: httpx.AsyncClient, start: str) -> None:
    assert (await browser.get("/people", params={"from": start})).status_code == 200


async def test_it_says_what_other_systems_provision(
    company: Office, browser: httpx.AsyncClient
) -> None:
    assert "No other system provisions" in (await browser.get("/people")).text
    await company.provision(15)
    page = (await browser.get("/people")).text
    assert "provision <strong>15</strong> people, of whom <strong>3</strong> are inactive" in page
    assert "<code>service:reports</code> made the last change" in page


async def test_whom_a_directory_keeps_out_is_enabled_there(
    company: Office, browser: httpx.AsyncClient
) -> None:
    await company.provision(2)
    inactive = (await browser.get("/people/person-000")).text
    assert "Provisioned by a directory" in inactive
    assert "make them active there" in inactive
    assert "/people/person-000/enable" not in inactive
    assert "/people/person-000/disable" in inactive
    same_site = {"sec-fetch-site": "same-origin"}
    refused = await browser.post("/people/person-000/enable", headers=same_site)
    assert refused.status_code == 409
    assert company.control.live.current.standings["person-000"].disabled
