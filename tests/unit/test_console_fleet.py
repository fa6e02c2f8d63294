"""The fleet in the console: figures, checks, the list and its filters, a device's page."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from doorward.administrator.fleet.health import FleetSample
from doorward.model.ids import UserId
from doorward.model.snapshot import change, removal
from tests.fakes.lively_fleet import HOSTILE_NAME, Kept, lively, settle_in
from tests.fakes.office import CONSOLE, Office, office

OWN_PAGE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def company() -> Office:
    found = await office()
    await lively(found.control, [UserId("bob"), UserId("dave")], found.now)
    return found


@pytest.fixture
async def browser(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(
        transport=transport, base_url=CONSOLE, headers={**company.headers(), **OWN_PAGE}
    ) as client:
        yield client


async def words(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def listed(page: str) -> list[str]:
    """The devices in the list, in order."""
    table = page[page.index('id="list"') :]
    return re.findall(r'href="/devices/([^"]+)" data-row', table)


async def test_the_fleet_at_a_glance(browser: httpx.AsyncClient) -> None:
    page = await words(browser, "/devices")
    assert "Healthy 29 Unhealthy 7 Unknown 6 Silent 3 Suspended 2 All 44" in page
    assert "Latitude 40 last heard 4 days ago" in page
    assert "Travel laptop reported lost" in page
    assert "Two devices use its key" in page
    assert "1 to 44 of 44" in page


async def test_checks_are_ranked_and_lead_to_the_devices(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/devices")).text
    checks = re.findall(r'href="/devices\?(check=[^"]+)" data-row>([^<]+)', page)
    assert [title for _, title in checks] == [
        "SSH server takes passwords",
        "Disk encryption",
        "Firewall",
        "Age of the oldest pending security update",
        "Screen lock",
        "Secure Boot",
    ]
    assert 'Hardening, as advice <span class="badge">report-only</span>' in page
    found = (await browser.get(f"/devices?{checks[2][0]}")).text
    assert len(listed(found)) == 8
    assert "That do not pass <strong>Firewall (Every device of ours)</strong>" in found


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=unhealthy", 7),
        ("state=silent&platform=macos", 1),
        ("q=dave", 22),
        ("owner=bob&state=suspended", 1),
        ("check=base/firewall&state=unhealthy", 3),
        # What is no filter is none.
        ("state=odd&platform=beos&check=none/firewall&check=base/none&from=x", 44),
        ("check=base/made-up", 44),
        ("from=9999999999999999", 44),
    ],
)
async def test_the_list_is_filtered(browser: httpx.AsyncClient, query: str, count: int) -> None:
    assert len(listed((await browser.get(f"/devices?{query}")).text)) == count


async def test_a_filter_keeps_what_is_asked_for_and_nothing_else(
    browser: httpx.AsyncClient,
) -> None:
    page = (await browser.get("/devices?q=%22%3E%3Cscript%3E&state=healthy")).text
    assert "<script>" not in page.replace('<script src="/.doorward/static/', "")
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert "No device fits." in page
    assert "Health over time" not in page


async def test_a_long_list_is_paged(company: Office, browser: httpx.AsyncClient) -> None:
    many = [Kept(f"m-{number:03d}", f"Many {number:03d}") for number in range(120)]
    await settle_in(company.control, [UserId("bob")], company.now, many)
    page = (await browser.get("/devices?q=many&from=50")).text
    assert listed(page) == [f"m-{number:03d}" for number in range(50, 100)]
    assert "51 to 100 of 120" in page
    assert 'href="/devices?q=many&amp;from=0#list"' in page.replace("&from", "&amp;from")
    assert 'href="/devices?q=many&amp;from=100#list"' in page.replace("&from", "&amp;from")


async def test_an_empty_fleet_says_so() -> None:
    company = await office()
    async with company.store.transaction() as transaction:
        devices = await transaction.snapshot.all("device")
        await transaction.snapshot.publish([removal("device", item.id) for item in devices])
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(
        transport=transport, base_url=CONSOLE, headers=company.headers()
    ) as client:
        page = await words(client, "/devices")
    assert "No device is enrolled." in page
    assert "Too little was noted in this time to draw." in page
    assert "Every device passes every check" in page
    assert "Whoever reported goes on reporting." in page


async def test_the_chart_is_drawn_without_scripts_and_styles(browser: httpx.AsyncClient) -> None:
    for span in ("day", "week", "month", "<script>"):
        page = (await browser.get("/devices", params={"over": span})).text
        assert page.count('<path class="area ') == 4
        assert " style=" not in page
        assert "<script>" not in page


async def test_nobody_s_name_is_markup(company: Office, browser: httpx.AsyncClient) -> None:
    for path in ("/devices", "/devices?state=suspended", "/devices/dev-copied", "/people/bob"):
        page = (await browser.get(path)).text
        assert "<img" not in page, path
        assert HOSTILE_NAME not in page, path
    assert "&lt;img src=x onerror=alert(1)&gt;" in (await browser.get("/devices")).text


DEVICES = [
    (
        "dev-0001",
        [
            "Healthy risk 0",
            "Key in its security chip (TPM)",
            "Passes Every device of ours, Hardening, as advice",
            "It passes every check of the policies that apply to it.",
            "Disk encryption on lsblk signed with the device's key 1 min ago 13 min",
        ],
    ),
    (
        "dev-0025",
        [
            "Unhealthy",
            "Not as it must be: Disk encryption.",
            "Disk encryption Put right now Every device of ours 2 days ago",
            "https://help.example.org/disk",
        ],
    ),
    ("dev-0028", ["Put right in time Every device of ours 2 days ago in 3 days"]),
    ("dev-0021", ["Advice Hardening, as advice 2 days ago"]),
    ("dev-0037", ["Unknown risk", "Last report never", "Nothing is known of it."]),
    ("dev-0040", ["Unknown Silent", "4 days ago", "It was reported too long ago."]),
    ("dev-lost", ["Suspended", "It was reported lost"]),
]


@pytest.mark.parametrize(("device", "expected"), DEVICES)
async def test_a_device_s_page_tells_all(
    browser: httpx.AsyncClient, device: str, expected: list[str]
) -> None:
    page = await words(browser, f"/devices/{device}")
    for sentence in expected:
        assert sentence in page


async def test_the_sessions_on_a_device_are_on_its_page(
    company: Office, browser: httpx.AsyncClient
) -> None:
    session = company.control.live.current.sessions["ses_bob"]
    bound = msgspec.structs.replace(session, device="laptop-7")
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", bound)])
    assert "/sessions/ses_bob/revoke" in (await browser.get("/devices/laptop-7")).text
    assert "/sessions/ses_bob/revoke" not in (await browser.get("/devices/dev-0001")).text
    assert 'on <a href="/devices/laptop-7">' in (await browser.get("/sessions")).text


async def test_what_operators_say_of_a_device_stands_on_its_page(
    company: Office, browser: httpx.AsyncClient
) -> None:
    form = {"healthy": "no", "reason": "found in the canteen"}
    answer = await browser.post("/devices/dev-0001/posture", data=form)
    assert answer.headers["location"] == "/devices/dev-0001?done=device-posture-set"
    assert company.control.live.current.devices["dev-0001"].healthy is False
    page = await words(browser, "/devices/dev-0001")
    assert "Your word unhealthy: found in the canteen" in page
    await browser.post("/devices/dev-0001/posture", data={"healthy": "unknown"})
    assert "Your word" not in await words(browser, "/devices/dev-0001")


async def test_a_lost_device_is_suspended(company: Office, browser: httpx.AsyncClient) -> None:
    await browser.post("/devices/dev-0001/lost")
    assert company.control.live.current.devices["dev-0001"].suspended == "lost"
    page = (await browser.get("/devices/dev-0001")).text
    assert "/devices/dev-0001/lost" not in page


async def test_a_gap_in_the_samples_is_a_gap_in_the_chart() -> None:
    company = await office()
    async with company.store.transaction() as transaction:
        for hours in (6.0, 5.9, 5.8, 0.2, 0.1):
            await transaction.devices.posture.history.add_sample(
                FleetSample(
                    at=company.now - hours * 3600,
                    healthy=2,
                    unhealthy=0,
                    unknown=0,
                    silent=0,
                    suspended=0,
                )
            )
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(
        transport=transport, base_url=CONSOLE, headers=company.headers()
    ) as client:
        page = (await client.get("/devices?over=day")).text
    line = re.findall(r'class="trace silent" d="(M[^"]+M[^"]+)"', page)
    assert len(line) == 1
