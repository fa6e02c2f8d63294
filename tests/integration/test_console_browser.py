"""The console in a real browser: nothing blocked, nothing cut off, keys, live, without scripts.

With DOORWARD_SCREENSHOTS set to a folder, each page is also written there as an image.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Browser, Page, async_playwright
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward.administrator.identity.records import Contact
from doorward.model.ids import UserId
from tests.fakes.lively_fleet import lively
from tests.fakes.office import Office, decision_record, office
from tests.integration.login_stand import answering
from tests.tools import free_ports, require_tool

PAGES = {
    "overview": "/",
    "decisions": "/decisions",
    "decision-allowed": "/decisions/dec_0001",
    "decision-denied": "/decisions/dec_0003",
    "sessions": "/sessions",
    "people": "/people",
    "people-later": "/people?from=100",
    "people-search": "/people?q=Zo%C3%AB",
    "people-search-nobody": "/people?q=xyzzy",
    "person": "/people/bob",
    "recoveries": "/recoveries",
    "person-provisioned": "/people/person-007",
    "resources": "/resources",
    "resource": "/resources/payroll",
    "devices": "/devices",
    "devices-month": "/devices?over=month",
    "devices-search": "/devices?q=think&state=healthy",
    "devices-check": "/devices?check=base/disk-encrypted",
    "devices-none": "/devices?q=xyzzy",
    "device": "/devices/dev-0030",
    "device-in-time": "/devices/dev-0028",
    "device-silent": "/devices/dev-0040",
    "device-suspended": "/devices/dev-copied",
    "tokens": "/tokens",
    "applications": "/applications",
    "providers": "/providers",
    "signals": "/signals",
    "audit": "/audit",
    "identity": "/identity",
    "verifiers": "/identity/verifiers",
    "case": "/identity/cases/idc_0001",
    "verification": "/identity/verifications/idv_0001",
    "handover": "/handover",
    "leave": "/people/bob/leave",
    "move": "/people/bob/move?preview=1&group=platform",
    "error": "/people/nobody",
}


class AsGateway:
    """Adds what the gateway adds after its decision."""

    def __init__(self, application: ASGIApp, company: Office) -> None:
        self.application = application
        self.company = company

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        added = [(k.encode(), v.encode()) for k, v in self.company.headers().items()]
        await self.application({**scope, "headers": [*scope["headers"], *added]}, receive, send)


@dataclass
class Running:
    company: Office
    browser: Browser
    origin: str

    async def open(self, path: str, *, scripts: bool = True) -> Page:
        context = await self.browser.new_context(java_script_enabled=scripts)
        page = await context.new_page()
        await page.goto(self.origin + path)
        return page


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    chromium = require_tool("chromium")
    company = await office()
    await company.provision(120)
    await company.receive_signals()
    async with company.store.transaction() as transaction:
        further = Contact(user=UserId("bob"), value="bob@home.test", verified_at=company.now - 1e5)
        await transaction.identity.notice_addresses.put(further)
    owners = [user for user in company.control.live.current.users if user.startswith("person")]
    await lively(company.control, [UserId(user) for user in owners[:17]], company.now)
    served = AsGateway(company.console(), company)
    port = free_ports()
    server = Server(
        served,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    await answering(port)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield Running(company, browser, f"http://console.doorward.localhost:{port}")
        await browser.close()
    server.stop()  # type: ignore[no-untyped-call]
    await serving


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("wide-light", 1280, "light"), ("wide-dark", 1280, "dark"), ("narrow", 320, "light")],
)
async def test_every_page_is_whole(running: Running, name: str, width: int, scheme: str) -> None:
    """Also in the narrowest window that must do without scrolling sideways (WCAG 2.2, 1.4.10)."""
    images = os.environ.get("DOORWARD_SCREENSHOTS")
    context = await running.browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type != "log" else None)
    for title, path in PAGES.items():
        await page.goto(running.origin + path)
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{title} is {overflow} px too wide at {width}"
        if images:
            await page.screenshot(path=Path(images) / f"{title}-{name}.png", full_page=True)
    await context.close()
    blocked = [text for text in complaints if "404" not in text]
    assert blocked == []


async def test_rows_are_reached_and_opened_by_keys(running: Running) -> None:
    page = await running.open("/decisions")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    assert await page.evaluate("document.activeElement.id") == "d-dec_0004"
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/decisions/dec_0005")
    await page.goto(f"{running.origin}/decisions")
    await page.keyboard.press("/")
    await page.keyboard.type("bob")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/decisions?subject=bob*")


async def test_a_failing_check_leads_to_its_devices_by_keys(running: Running) -> None:
    page = await running.open("/devices")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/devices?check=base%2Fdisk-encrypted")
    await page.keyboard.press("/")
    await page.keyboard.type("latitude 26")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/devices?q=latitude+26&*check=base%2Fdisk-encrypted")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/devices/dev-0026")
    assert await page.get_by_role("heading", name="Latitude 26").is_visible()


async def test_the_list_is_live_and_keeps_the_reader_s_place(running: Running) -> None:
    page = await running.open("/decisions")
    await page.keyboard.press("j")
    await running.company.store.append_decisions([decision_record(7, subject="dave")])
    await page.wait_for_selector("#d-dec_0007", timeout=8000)
    assert await page.evaluate("document.activeElement.id") == "d-dec_0005"


async def test_a_session_is_revoked_without_scripts(running: Running) -> None:
    page = await running.open("/people/bob", scripts=False)
    await page.click("text=Revoke")
    await page.wait_for_url("**/sessions?done=session-revoked")
    assert await page.get_by_text("The session is revoked.").is_visible()
    assert "ses_bob" not in running.company.control.live.current.sessions
