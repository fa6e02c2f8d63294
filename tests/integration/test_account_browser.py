"""A person's own pages in Chromium: whole at every width, usable by keys, effective at once.

With DOORWARD_SCREENSHOTS set to a folder, each page is also written there as an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Page, expect

from doorward.adapters.clock import now
from doorward.entrypoints.login.account.sections import SECTIONS
from tests.fakes.account import sessions
from tests.integration.accessibility import violations
from tests.integration.account_stand import Stand, stand

PAGES = {
    **{section.path.strip("/").replace("/", "-"): section.path for section in SECTIONS},
    "account-device": "/account/devices?device=alice-laptop",
    "account-device-new": "/account/devices?device=alice-new",
}


LONG = f"{'alice' * 12}@{'elsewhere.' * 18}example"
NAME = """(one) => one.getAttribute("aria-label") ??
    (one.labels?.[0] ?? one).textContent.replace(/\\s+/g, " ").trim()"""
"""What people read of a control: its own text, or that of its label."""

CONTROLS = f"""() => [...document.querySelectorAll("a[href], button, summary, input")]
    .filter((one) => one.type !== "hidden" && one.checkVisibility())
    .filter((one) => one.type !== "radio" || one.checked)
    .map({NAME})"""
"""The names of all that can be used on a page, in the order in which it is read.

Radio buttons of one name are one stop for Tab, at the one that is chosen.
"""


@pytest.fixture
async def running() -> AsyncIterator[Stand]:
    async with stand() as found:
        yield found


async def focused(page: Page) -> str:
    """What has the focus, as it is named to people; empty for the page itself."""
    return str(
        await page.evaluate(
            f"""() => document.activeElement === document.body ? "" :
                ({NAME})(document.activeElement)"""
        )
    )


async def walk(page: Page, *, most: int = 80) -> list[str]:
    """What Tab reaches, in order, from the top of the page to its end."""
    reached: list[str] = []
    for _ in range(most):
        await page.keyboard.press("Tab")
        name = await focused(page)
        if not name or name == next(iter(reached), ""):
            return reached
        reached.append(name)
    pytest.fail(f"Tab goes round in circles: {reached}")


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [
        ("wide", 1280, 800, False),
        ("wide-dark", 1280, 800, True),
        ("phone", 390, 844, False),
        ("phone-dark", 390, 844, True),
    ],
)
async def test_every_page_is_whole(
    running: Stand, name: str, width: int, height: int, *, dark: bool
) -> None:
    images = os.environ.get("DOORWARD_SCREENSHOTS")
    page = await running.page(width=width, height=height, dark=dark)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text))
    for title, path in PAGES.items():
        answer = await page.goto(running.origin + path)
        assert answer is not None
        assert answer.status == 200
        await page.evaluate(
            "document.querySelectorAll('details').forEach((one) => one.open = true)"
        )
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{title} is {overflow} px too wide at {width}"
        if images:
            await page.goto(running.origin + path)
            await page.screenshot(path=Path(images) / f"{title}-{name}.png", full_page=True)
    assert complaints == []


async def test_keys_reach_everything_in_the_order_in_which_it_is_read(running: Stand) -> None:
    page = await running.page()
    for path in PAGES.values():
        await page.goto(running.origin + path)
        wanted = await page.evaluate(CONTROLS)
        assert await walk(page) == wanted, path
        assert wanted[0] == "Skip to the page"


async def test_no_two_buttons_of_a_page_have_the_same_name(running: Stand) -> None:
    page = await running.page()
    for path in PAGES.values():
        await page.goto(running.origin + path)
        names = await page.evaluate(
            "[...document.querySelectorAll('button, summary')].map((one) => one.textContent.trim())"
        )
        assert len(set(names)) == len(names), path


async def test_the_skip_link_leads_past_the_navigation(running: Stand) -> None:
    page = await running.page()
    await page.goto(running.origin + "/account/sessions")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the page")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert (await focused(page)).startswith("Sign out here")


async def test_focus_is_seen(running: Stand) -> None:
    page = await running.page()
    await page.goto(running.origin + "/account/sign-ins")
    for _ in range(12):
        await page.keyboard.press("Tab")
        outline = await page.evaluate(
            "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        )
        assert outline >= 2, await focused(page)


async def test_this_was_not_me_by_keys_alone(running: Stand) -> None:
    page = await running.page()
    await page.goto(running.origin + "/account/sign-ins")
    while not (await focused(page)).startswith("This was not me: signed in"):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert (await focused(page)).startswith("It was not me")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("your risk is raised")
    assert sessions(running.desk) == {running.own.session}
    assert running.desk.control.live.current.standings["alice"].risk == 80


async def test_a_further_address_is_replaced_by_its_code_and_removed(running: Stand) -> None:
    """On a phone; each state of the page is judged in light and dark, and is whole."""
    session = running.desk.control.live.current.sessions[running.own.session]
    fresh = msgspec.structs.replace(session, authenticated_at=now())
    await running.desk.publish("session", fresh)
    page = await running.page(width=390, height=844)
    await page.goto(running.origin + "/account/notices")
    await judge(page, "kept")
    await page.get_by_label("Another address").fill("alice@else where.example")
    await page.get_by_role("button", name="Send a code there").click()
    assert await page.get_by_label("Another address").evaluate("one => !one.validity.valid")
    await page.get_by_label("Another address").fill("alice@example.test")
    await page.get_by_role("button", name="Send a code there").click()
    await expect(page.get_by_role("alert")).to_contain_text("go to this address already")
    await judge(page, "refused")
    await page.get_by_label("Another address").fill(LONG)
    await page.get_by_role("button", name="Send a code there").click()
    await expect(page.get_by_label("Code from the message")).to_be_focused()
    await judge(page, "awaited")
    code = re.search(r"\d{4} \d{4}", running.desk.mailed[-1].text)
    assert code is not None
    await page.keyboard.type(code[0])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("from now on")
    await page.get_by_role("button", name=f"Remove {LONG}").click()
    await expect(page.get_by_role("status")).to_contain_text("is removed")
    await judge(page, "none")
    told = [mail.to for mail in running.desk.mailed]
    assert told.count(LONG) == 3, "its code, that it is set, that it is gone"


async def judge(page: Page, state: str) -> None:
    """Fails where the page is wider than a phone, or axe-core finds something."""
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(overflow) <= 0, state
    assert await violations(page) == [], state
    if images := os.environ.get("DOORWARD_SCREENSHOTS"):
        await page.screenshot(path=Path(images) / f"notices-{state}.png", full_page=True)


async def test_pages_are_found_on_a_phone_and_led_back_from(running: Stand) -> None:
    page = await running.page(width=390, height=844)
    await page.goto(running.origin + "/account")
    await page.get_by_role("link", name="Sessions").click()
    await expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()
    await page.get_by_role("link", name="Your account").click()
    await expect(page.get_by_role("heading", name="Alice Adams")).to_be_visible()


async def test_targets_are_large_enough_for_a_thumb(running: Stand) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24 pixels, links within a sentence excepted."""
    page = await running.page(width=390, height=844)
    for path in PAGES.values():
        await page.goto(running.origin + path)
        small = await page.evaluate(
            """() => [...document.querySelectorAll("button, .button, summary")]
                .filter((one) => one.checkVisibility())
                .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
                .filter(([, box]) => box.width < 24 || box.height < 24).map(([name]) => name)"""
        )
        assert small == [], path
