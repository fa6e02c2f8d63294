"""The sign-in pages on a real server, and a Chromium that has passkey devices in software."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Browser, CDPSession, Page, async_playwright

from doorward.adapters.clock import now
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.entrypoints.login import app
from tests.fakes.federation import federation_by
from tests.fakes.provider import Providers
from tests.fakes.sign_in import ALICE, AUTH_HOST, Desk, desk
from tests.tools import free_ports, require_tool

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Running:
    desk: Desk
    browser: Browser
    origin: str

    async def page(self, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Page:
        context = await self.browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        return await context.new_page()

    async def invitation(self) -> str:
        return f"{self.origin}/invitation#{await self.desk.invite(ALICE)}"


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Desk, str]]:
    """A desk by the real clock, and the origin at which it is served."""
    port = free_ports()
    origin = f"http://{AUTH_HOST}:{port}"
    office = await desk()
    office.now = now()
    office.authenticators = replace(
        office.authenticators,
        relying_party=WebAuthnRelyingParty(rp_id=AUTH_HOST, name="example", origins=[origin]),
    )
    application = app(
        office.authenticators,
        clock=now,
        federation=federation_by(office.authenticators, Providers()),
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
    yield office, origin
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def answering(port: int) -> None:
    """Wait until somebody listens there."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


@asynccontextmanager
async def login_stand() -> AsyncIterator[Running]:
    """The same, with a browser before it."""
    chromium = require_tool("chromium")
    async with served() as (office, origin), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield Running(office, browser, origin)
        await browser.close()


async def with_device(page: Page, **changed: object) -> tuple[CDPSession, str]:
    """Build a passkey device into the page's machine (CDP's virtual authenticator)."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    added = await devtools.send(
        "WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **changed}}
    )
    return devtools, added["authenticatorId"]
