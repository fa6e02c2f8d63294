"""A person's ways to sign in, in Chromium: add, name, use, replace and remove them; come back.

With DOORWARD_SCREENSHOTS set to a folder, each page is also written there as an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import CDPSession, Page, expect

from doorward.adapters.clock import now
from doorward.administrator.control_plane import Act
from doorward.administrator.recovery.decide_recovery import approve_recovery, waiting_recoveries
from doorward.model.ids import SessionId
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, AUTH_HOST, PASSWORD
from tests.integration.login_stand import Running, login_stand, with_device

HERE = "/account/credentials"


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with login_stand() as stand:
        yield stand


class Devices:
    """Two devices on one machine; only the one that is held up answers."""

    def __init__(self, devtools: CDPSession, first: str, second: str) -> None:
        self.devtools = devtools
        self.ids = (first, second)

    async def hold_up(self, number: int) -> None:
        for at, device in enumerate(self.ids):
            await self.devtools.send(
                "WebAuthn.setAutomaticPresenceSimulation",
                {"authenticatorId": device, "enabled": at == number},
            )


async def two_devices(page: Page) -> Devices:
    devtools, first = await with_device(page, transport="usb")
    added = await devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": False,
            }
        },
    )
    return Devices(devtools, first, added["authenticatorId"])


async def accept(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()


async def sign_in(page: Page, running: Running) -> None:
    await page.context.clear_cookies()
    await page.goto(running.origin + "/sign-in")
    await page.get_by_role("button", name="Sign in with a passkey").click()


async def test_a_second_passkey_with_a_name_each_signs_in_and_one_is_removed(
    running: Running,
) -> None:
    page = await running.page()
    devices = await two_devices(page)
    await accept(page, await running.invitation())
    await page.get_by_role("link", name="Your account").click()
    await page.get_by_role("navigation").get_by_role("link", name="Ways to sign in").click()
    await expect(page.get_by_role("heading", name="Chrome on Linux")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    await devices.hold_up(1)
    await page.get_by_label("Name (you may leave it empty)").fill("Key on my ring")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("status")).to_have_text(re.compile("The passkey is added"))
    await expect(page.get_by_text("Key on my ring").first).to_be_visible()

    await sign_in(page, running)
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()
    await page.goto(running.origin + HERE)
    ring = page.get_by_role("listitem").filter(has_text="Key on my ring")
    await expect(ring.get_by_text("You are signed in with this")).to_be_visible()
    stolen = await page.context.cookies()

    await devices.hold_up(0)
    await sign_in(page, running)
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()
    await page.goto(running.origin + HERE)
    await ring.get_by_text("Change").click()
    await ring.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status")).to_have_text(re.compile("It is removed"))
    await expect(page.get_by_text("Key on my ring")).to_have_count(0)

    await page.context.clear_cookies()
    await page.context.add_cookies(stolen)  # type: ignore[arg-type]
    await page.goto(running.origin + HERE)
    await expect(page).to_have_url(re.compile("/sign-in"))
    await devices.hold_up(1)
    await sign_in(page, running)
    await expect(page.get_by_role("alert")).to_contain_text("This passkey was not accepted.")
    await devices.hold_up(0)
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("heading", name="Hello, Alice Adams")).to_be_visible()


async def test_a_password_is_set_and_recovery_codes_work_once(running: Running) -> None:
    page = await running.page()
    await with_device(page)
    await accept(page, await running.invitation())
    await page.goto(running.origin + HERE)
    await page.get_by_text("Set a password and an authenticator app").click()
    secret = page.locator("[data-secret]")
    await expect(secret).not_to_be_empty()
    totp = pyotp.TOTP((await secret.inner_text()).replace(" ", ""))
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("Code from your app").fill(totp.at(int(now()) - 30))
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("status")).to_contain_text("are set")
    await page.get_by_role("button", name="Make ten new recovery codes").click()
    codes = await page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10

    other = await running.page(scripts=False)

    async def by_password(code: str) -> None:
        await other.context.clear_cookies()
        await other.goto(running.origin + "/sign-in")
        await other.get_by_text("Use a password and a code instead").click()
        await other.get_by_label("Name or e-mail address").fill("alice")
        await other.get_by_label("Password").fill(PASSWORD)
        await other.get_by_label("Code from your authenticator app").fill(code)
        await other.get_by_role("button", name="Sign in", exact=True).click()

    hello = other.get_by_role("heading", name="Hello, Alice Adams")
    await by_password(totp.at(int(now())))
    await expect(hello).to_be_visible()
    await by_password(codes[0])
    await expect(hello).to_be_visible()
    await by_password(codes[0])
    await expect(other.get_by_role("alert")).to_contain_text("do not match")
    await by_password(codes[1])
    await expect(hello).to_be_visible()
    await other.goto(running.origin + HERE)
    await expect(other.get_by_text("You have 8 left.")).to_be_visible()
    await other.get_by_role("link", name="Confirm it is you").click()
    await expect(other.get_by_text("This needs your passkey")).to_be_visible()


async def test_an_old_session_confirms_and_comes_back(running: Running) -> None:
    page = await running.page()
    await with_device(page)
    await accept(page, await running.invitation())
    await page.goto(running.origin + HERE)
    await expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()
    (session,) = running.desk.control.live.current.sessions.values()
    import msgspec

    old = msgspec.structs.replace(session, authenticated_at=now() - 601)
    await running.desk.publish("session", old)
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page).to_have_url(running.origin + HERE)
    await expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()


async def approved(running: Running, page: Page) -> None:
    """A second person vouches for whom the page shows a code."""
    code = await page.locator(".spoken code").inner_text()
    control = running.desk.control
    (found,) = await waiting_recoveries(control, now())
    sealer = running.desk.authenticators.sealer
    act, session = Act("operator", now()), SessionId("")
    await approve_recovery(control, act, session, sealer, found.id, code=code, keep=False)


async def test_recovery_goes_on_in_the_browser_that_asked(running: Running) -> None:
    lost = await running.page()
    await with_device(lost)
    await accept(lost, await running.invitation())
    page = await running.page()
    await with_device(page)
    await page.goto(running.origin + "/sign-in")
    await page.get_by_role("link", name="I can't sign in").click()
    await page.get_by_label("Name or e-mail address").fill("alice@example.test")
    await page.get_by_role("button", name="Show me a code").click()
    await expect(page.get_by_role("heading", name="Read this code")).to_be_visible()
    await approved(running, page)
    await expect(page.get_by_role("heading", name="Welcome back, Alice Adams")).to_be_visible()
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", name="Ways to sign in")).to_be_visible()
    (session,) = running.desk.control.live.current.sessions.values()
    assert (session.methods, session.aal) == (("recovery-approval",), 1)
    await page.get_by_role("link", name="Confirm it is you").click()
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()
    await lost.goto(running.origin + "/")
    await expect(lost).to_have_url(re.compile("/sign-in"))
    await lost.get_by_role("button", name="Sign in with a passkey").click()
    await expect(lost.get_by_role("alert")).to_contain_text("This passkey was not accepted.")


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
        for field in await page.locator("input:not([type=hidden])").filter(visible=True).all():
            assert await field.evaluate("field => field.labels.length"), title
        if images:
            await page.screenshot(path=Path(images) / f"{title}-{name}.png", full_page=True)

    await accept(page, await running.invitation())
    await page.goto(running.origin + HERE)
    await look("credentials-first")
    await running.desk.with_passkey(ALICE, SoftwareAuthenticator(running.origin, AUTH_HOST))
    await running.desk.with_password(ALICE)
    await page.goto(running.origin + HERE)
    await page.get_by_text("Change").first.click()
    await page.get_by_text("Replace both").click()
    await expect(page.locator("[data-secret]")).not_to_be_empty()
    await look("credentials-change")
    await page.get_by_role("button", name="Make ten new recovery codes").click()
    await look("credentials-codes")
    await page.goto(running.origin + "/step-up?need=hardware-key&return=/account/credentials")
    await look("step-up-no-hardware")
    await page.goto(running.origin + "/recovery")
    await look("recovery")
    await page.get_by_label("Name or e-mail address").fill("alice")
    await page.get_by_role("button", name="Show me a code").click()
    await look("recovery-code")
    await approved(running, page)
    await expect(page.get_by_role("heading", name="Welcome back, Alice Adams")).to_be_visible()
    await look("recovery-approved")
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", name="Ways to sign in")).to_be_visible()
    await look("credentials-after-recovery")
    assert complaints == []
