"""Every page that people see, judged by axe-core: light and dark, on a desk and on a phone.

Each is opened once at each size; `violations` looks at both colours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import msgspec
import pytest
from playwright.async_api import Browser, Page

from doorward.entrypoints.pages.denied import Denial, denied_page
from doorward.model.decision import Deny, Remedy
from doorward.model.ids import DecisionId
from tests.integration import test_console_browser, test_sign_in_browser
from tests.integration.accessibility import violations
from tests.integration.account_stand import Stand, stand
from tests.integration.login_stand import Running, with_device
from tests.integration.test_account_browser import PAGES as OWN_PAGES

console = test_console_browser.running
sign_in = test_sign_in_browser.running

SIZES = [(1280, 800), (390, 844)]
SIGN_IN_PAGES = {
    "sign-in": "/sign-in",
    "invitation": "/invitation#secret",
    "recovery": "/recovery",
    "error": "/nothing",
}
SIGNED_IN_PAGES = {
    "home": "/",
    "step-up": "/step-up",
    "sign-out": "/sign-out",
    "openid-logout": "/openid/logout",
}


CONSOLE_PAGES = {
    title: path
    for title, path in test_console_browser.PAGES.items()
    if title
    not in {"people", "people-later", "person-provisioned", "devices-month", "device-in-time"}
}
"""Without those that are made as another one is: people are those of a search, which is shorter."""


@pytest.fixture
async def account() -> AsyncIterator[Stand]:
    async with stand() as found:
        yield found


async def judged(page: Page, origin: str, pages: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for title, path in pages.items():
        await page.goto(origin + path)
        found += [f"{title}: {item}" for item in await violations(page)]
    return found


async def seen(browser: Browser, width: int, height: int) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": height})
    return await context.new_page()


async def test_what_is_wrong_is_found(account: Stand) -> None:
    page = await account.page()
    await page.goto(account.origin + "/account")
    await page.evaluate("document.querySelector('h1').append(document.createElement('img'))")
    await page.evaluate("document.querySelector('main p').style.color = '#5b6662'")
    found = await violations(page)
    assert [item for item in found if item.startswith("image-alt")]
    assert [item for item in found if item.startswith("in dark: color-contrast")]
    assert not [item for item in found if item.startswith("color-contrast")]


async def test_a_persons_own_pages(account: Stand) -> None:
    for width, height in SIZES:
        page = await account.page(width=width, height=height)
        assert await judged(page, account.origin, {**OWN_PAGES, **SIGNED_IN_PAGES}) == []


async def test_the_pages_of_sign_in(sign_in: Running) -> None:
    for width, height in SIZES:
        page = await seen(sign_in.browser, width, height)
        assert await judged(page, sign_in.origin, SIGN_IN_PAGES) == []
        await page.goto("about:blank")
        await page.goto(await sign_in.invitation())
        await page.get_by_role("button", name="Make a passkey").wait_for()
        assert await violations(page) == []
        await page.goto(sign_in.origin + "/recovery")
        await page.get_by_label("Name or e-mail address").fill("alice")
        await page.get_by_role("button", name="Show me a code").click()
        await page.locator(".spoken").wait_for()
        assert await violations(page) == []


async def test_ways_to_sign_in(sign_in: Running) -> None:
    for width, height in SIZES:
        page = await seen(sign_in.browser, width, height)
        await with_device(page)
        await page.goto(await sign_in.invitation())
        await page.get_by_role("button", name="Make a passkey").click()
        await page.get_by_role("heading", name="Hello").wait_for()
        await page.goto(sign_in.origin + "/account/credentials")
        assert await violations(page) == []
        for closed in await page.locator("details").all():
            await closed.locator("summary").click()
        assert await violations(page) == []
        await page.goto(sign_in.origin + "/step-up?need=hardware-key")
        assert await violations(page) == []


@pytest.mark.conformance
async def test_the_console(console: test_console_browser.Running) -> None:
    for width, height in SIZES:
        page = await seen(console.browser, width, height)
        assert await judged(page, console.origin, CONSOLE_PAGES) == []


async def test_the_page_of_a_denied_person(account: Stand) -> None:
    deny = Deny(
        reason="no-policy-permits",
        facts=msgspec.Raw(b"{}"),
        remedies=(Remedy(kind="phishing-resistant"), Remedy(kind="network", target="office")),
    )
    html = denied_page(
        Denial(
            deny,
            DecisionId("dec_0001"),
            "Payroll",
            person="Alice Adams",
            retry="/x",
            links={"phishing-resistant": "/step-up"},
            sign_out="/.doorward/sign-out",
            back="https://payroll.example.org/cb?error=access_denied",
        )
    )
    for width, height in SIZES:
        page = await seen(account.browser, width, height)
        await page.route(
            "**/denied", lambda route: route.fulfill(body=html, content_type="text/html")
        )
        assert await judged(page, account.origin, {"denied": "/denied"}) == []
