"""A demo installation, and Chromium with a passkey device, for one test module at a time.

They are module-scoped because Playwright keeps an event loop running in this thread while it is
open, in which no asynchronous test of another module could run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e import demo as installation
from tests.e2e.demo import Demo
from tests.tools import require_tool

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSKEY_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`doorward up --demo`, started afresh and well."""
    running = installation.start(tmp_path_factory.mktemp("demo"))
    yield running
    installation.stop(running)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=list(CHROMIUM_FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture
def browser_context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile: no cookies, no passkeys."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(browser_context: BrowserContext) -> Page:
    """A page on whose machine a passkey device is built in (CDP's virtual authenticator)."""
    page = browser_context.new_page()
    devtools = browser_context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY_DEVICE})
    return page
