"""The pages of federation in Chromium: whole at every width, and quiet under the strict policy.

With DOORWARD_SCREENSHOTS set to a folder, each page is also written there as an image.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from doorward.adapters.clock import now
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.entrypoints.login import app
from doorward.model.estate import AssuranceRow
from tests.fakes.federation import federation_by
from tests.fakes.sign_in import ALICE, AUTH_HOST
from tests.integration.login_stand import answering, with_device
from tests.tools import free_ports, require_tool
from tests.unit.federation_world import World, world


@dataclass
class Running:
    place: World
    browser: Browser
    origin: str

    async def page(self, *, width: int = 1280, dark: bool = False) -> Page:
        context = await self.browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
        )
        return await context.new_page()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    chromium = require_tool("chromium")
    port = free_ports()
    origin = f"http://{AUTH_HOST}:{port}"
    place = await world()
    office = place.desk
    office.now = now()
    office.authenticators = replace(
        office.authenticators,
        relying_party=WebAuthnRelyingParty(rp_id=AUTH_HOST, name="example", origins=[origin]),
    )
    federation = federation_by(office.authenticators, office.federation.http)
    application = app(
        office.authenticators,
        clock=now,
        federation=federation,
        openid=office.openid,
        fleet=office.fleet,
        auth_origins=[origin],
        session_seconds=3600,
    )
    server = Server(
        application,
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
        yield Running(place, browser, origin)
        await browser.close()
    server.stop()  # type: ignore[no-untyped-call]
    await serving


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("wide-light", 1280, False), ("wide-dark", 1280, True), ("narrow", 390, False)],
)
async def test_every_page_of_federation_is_whole(
    running: Running, name: str, width: int, dark: bool
) -> None:
    images = os.environ.get("DOORWARD_SCREENSHOTS")
    place, origin = running.place, running.origin
    await place.declare(
        acr=(AssuranceRow(value="phr", aal=2, phishing_resistant=True),),
    )
    await place.declare("other")
    await place.link("alice")
    page = await running.page(width=width, dark=dark)
    await with_device(page)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type != "log" else None)

    async def look(title: str) -> None:
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{title} is {overflow} px too wide at {width}"
        if images:
            await page.screenshot(path=Path(images) / f"fed-{title}-{name}.png", full_page=True)

    seen = asyncio.Event()

    async def at_provider(route: Route) -> None:
        """It takes its time with the first request, which the page sends by itself."""
        if not seen.is_set():
            seen.set()
            await route.fulfill(status=204)
            return
        parameters = place.work.authorize(route.request.url)
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        location = f"{origin}/federation/work/callback?{query}"
        await route.fulfill(status=302, headers={"location": location})

    await page.goto(f"{origin}/sign-in?resource=payroll&return=/&flow={'0' * 64}")
    await look("sign-in")
    await page.route("https://login.work.example/**", at_provider)
    await page.get_by_role("button", name="Sign in with Work").click()
    await expect(page.get_by_role("heading", name="On to Work")).to_be_visible()
    await look("leaving")
    await asyncio.wait_for(seen.wait(), 10)
    await page.get_by_role("link", name="Continue").click()
    await page.wait_for_url("**/.doorward/callback**", wait_until="commit")
    await page.goto(origin)
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()
    await page.goto(f"{origin}/step-up?resource=payroll&return=/&need=phishing-resistant")
    await look("step-up")
    await page.goto(f"{origin}/account/links")
    await expect(page.get_by_role("button", name="Unlink")).to_be_visible()
    await look("links")
    await page.goto(f"{origin}/federation/work/callback?state=x&code=y")
    await expect(page.get_by_role("link", name="To the sign-in page")).to_be_visible()
    await look("refused")
    secret = await place.desk.invite(ALICE)
    await page.goto(f"{origin}/invitation#{secret}")
    await expect(page.get_by_role("button", name="Use your account at Work")).to_be_visible()
    await look("invitation")
    said = [text for text in complaints if "status of 4" not in text and "ERR_" not in text]
    assert said == []


async def test_the_buttons_work_by_keyboard_and_without_scripts(running: Running) -> None:
    place, origin = running.place, running.origin
    await place.link("alice")
    context = await running.browser.new_context(java_script_enabled=False)
    page = await context.new_page()

    async def back_from_provider(route: Route) -> None:
        parameters = place.work.authorize(route.request.url)
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        location = f"{origin}/federation/work/callback?{query}"
        await route.fulfill(status=302, headers={"location": location})

    await page.route("https://login.work.example/**", back_from_provider)
    await page.goto(f"{origin}/sign-in")
    await page.get_by_role("button", name="Sign in with Work").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()
    (session,) = place.snapshot.sessions.values()
    assert (session.user, session.provider) == ("alice", "work")
