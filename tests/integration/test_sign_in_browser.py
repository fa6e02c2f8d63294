"""Sign-in in Chromium: passkeys of a virtual device, the other way in, and pages that are whole.

With DOORWARD_SCREENSHOTS set to a folder, each page is also written there as an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Page, expect

from doorward.adapters.clock import now
from tests.fakes.sign_in import BOB, PASSWORD
from tests.integration.login_stand import Running, login_stand, with_device


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with login_stand() as stand:
        yield stand


async def accept(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()


async def test_invitation_passkey_sign_out_and_sign_in(running: Running) -> None:
    page = await running.page()
    await with_device(page)
    await accept(page, await running.invitation())
    await page.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert not running.desk.control.live.current.sessions
    await page.get_by_role("link", name="Sign in again").click()
    button = page.get_by_role("button", name="Sign in with a passkey")
    await expect(button).to_be_enabled()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()
    (session,) = running.desk.control.live.current.sessions.values()
    assert (session.methods, session.phishing_resistant) == (("passkey",), True)


async def test_a_device_that_does_not_verify_its_user_signs_nobody_in(running: Running) -> None:
    page = await running.page()
    devtools, device = await with_device(page)
    await accept(page, await running.invitation())
    await page.get_by_role("button", name="Sign out everywhere").click()
    await devtools.send(
        "WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False}
    )
    await page.goto(running.origin + "/sign-in")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("Try again.")
    assert not running.desk.control.live.current.sessions


async def test_a_device_holds_one_passkey_of_a_person(running: Running) -> None:
    page = await running.page()
    await with_device(page)
    await accept(page, await running.invitation())
    link = await running.invitation()
    await page.goto("about:blank")
    await page.goto(link)
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("has a passkey for you already")


async def test_password_and_code_without_scripts(running: Running) -> None:
    page = await running.page()
    await page.goto(await running.invitation())
    await page.get_by_text("Use a password and an authenticator app instead").click()
    secret = page.locator("[data-secret]")
    await expect(secret).not_to_be_empty()
    totp = pyotp.TOTP((await secret.inner_text()).replace(" ", ""))
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("Code from your app").fill("000000")
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("alert")).to_contain_text("does not match")
    await page.get_by_label("Code from your app").fill(totp.at(int(now()) - 30))
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()

    plain = await running.page(scripts=False)
    await plain.goto(running.origin + "/sign-in")
    await plain.get_by_text("Use a password and a code instead").click()
    await plain.get_by_label("Name or e-mail address").fill("alice")
    await plain.get_by_label("Password").fill(PASSWORD)
    await plain.get_by_label("Code from your authenticator app").fill(totp.at(int(now()) + 30))
    await plain.get_by_role("button", name="Sign in", exact=True).click()
    await expect(plain.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()


async def test_a_browser_without_passkeys_is_told_so(running: Running) -> None:
    page = await running.page()
    await page.add_init_script(
        "delete window.PublicKeyCredential;"
        "Object.defineProperty(navigator, 'credentials', { value: undefined });"
    )
    await page.goto(running.origin + "/sign-in")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("knows no passkeys")


async def test_a_server_that_is_gone_is_said_in_a_sentence(running: Running) -> None:
    page = await running.page()
    await page.goto(running.origin + "/sign-in")
    await page.route("**/webauthn/**", lambda route: route.abort())
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("could not be reached")


async def test_an_incomplete_link_is_said_in_a_sentence(running: Running) -> None:
    page = await running.page()
    await page.goto(running.origin + "/invitation")
    await expect(page.get_by_role("alert")).to_contain_text("not complete")


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("wide-light", 1280, False), ("wide-dark", 1280, True), ("narrow", 390, False)],
)
async def test_every_page_is_whole(running: Running, name: str, width: int, dark: bool) -> None:
    images = os.environ.get("DOORWARD_SCREENSHOTS")
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
        unnamed = page.locator("input:not([type=hidden])").filter(visible=True)
        for field in await unnamed.all():
            assert await field.evaluate("field => field.labels.length"), title
        if images:
            await page.screenshot(path=Path(images) / f"{title}-{name}.png", full_page=True)

    await page.goto(running.origin + "/sign-in?resource=payroll&return=/&flow=" + "0" * 64)
    await look("sign-in")
    await page.get_by_text("Use a password and a code instead").click()
    await look("sign-in-password")
    await page.get_by_label("Name or e-mail address").fill("alice")
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_label("Code from your authenticator app").fill("000000")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await look("sign-in-rejected")
    await page.goto(await running.invitation())
    await expect(page.get_by_role("button", name="Make a passkey")).to_be_visible()
    await look("invitation")
    await page.get_by_text("Use a password and an authenticator app instead").click()
    await expect(page.locator("[data-secret]")).not_to_be_empty()
    await look("invitation-password")
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", name=re.compile("Hello"))).to_be_visible()
    await look("home")
    for need in ("fresh", "phishing-resistant", "multi-factor", "hardware-key"):
        await page.goto(running.origin + f"/step-up?resource=payroll&return=/&need={need}")
        await look(f"step-up-{need}")
    await page.goto(running.origin + "/sign-out")
    await look("sign-out")
    await page.get_by_role("button", name="Sign out").click()
    await look("signed-out")
    await page.goto(running.origin + "/start?resource=nothing")
    await look("refused")
    assert [text for text in complaints if "status of 4" not in text] == []


async def test_the_qr_code_carries_the_secret_that_stands_below_it(running: Running) -> None:
    page = await running.page()
    secret = await running.desk.invite(BOB)
    await page.goto(f"{running.origin}/invitation#{secret}")
    await page.get_by_text("Use a password and an authenticator app instead").click()
    await expect(page.locator("[data-secret]")).not_to_be_empty()
    box = await page.locator("[data-qr]").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 150
