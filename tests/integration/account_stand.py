"""A person's own pages in Chromium: the sign-in application served, with a life's worth of facts.

`stand()` has alice signed in three times (this browser by passkey, a phone, another machine by
password), with attempts of a stranger, a device in each state, a network, policies that say yes,
not yet and no, and decisions. `page(...)` is a browser of hers with the first of these sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Browser, Page, async_playwright

from doorward.adapters.clock import now
from doorward.administrator.authentication import Browser as At
from doorward.administrator.authentication import Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.identity.records import Contact
from doorward.administrator.open_session import SessionCookie, open_session
from doorward.administrator.sign_in_entries import refused
from doorward.entrypoints.login import app
from doorward.model.estate import Group, Network, Policy
from doorward.model.identity import Method
from doorward.model.ids import GroupId, NetworkId, PolicyId
from doorward.model.posture import Trust
from doorward.model.snapshot import Change, change
from tests.fakes.account import FIREFOX, IPHONE, SESSION
from tests.fakes.certificates import certificate
from tests.fakes.lively_fleet import Kept, settle_in
from tests.fakes.office import decision_record
from tests.fakes.sign_in import ALICE, AUTH_HOST, Desk, desk
from tests.integration.login_stand import answering
from tests.tools import free_ports, require_tool

LINUX = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
DEVICES = (
    Kept(
        "alice-laptop",
        "ThinkPad",
        facts={"disk-encrypted": False, "updates-age-days": 23, "sshd-password-login": True},
        risk=35,
    ),
    Kept("alice-host", "Build host", trust=Trust.QUOTED, attested=True),
    Kept("alice-mill", "Mill", facts={"updates-age-days": 19}, storage="software"),
    Kept("alice-mac", "MacBook", "macos", seen_ago=9 * 3600),
    Kept("alice-new", "Framework", seen_ago=None),
    Kept("alice-lost", "Travel laptop", "windows", suspended="lost"),
)


@dataclass
class Stand:
    desk: Desk
    browser: Browser
    origin: str
    own: SessionCookie

    async def page(self, *, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(10_000)
        # Chromium takes a `__Host-` cookie from a tool for an https address only, and sends it
        # to *.localhost over plain http too.
        await context.add_cookies(
            [{"name": SESSION, "value": self.own.secret, "url": f"https://{AUTH_HOST}"}]
        )
        return await context.new_page()


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    chromium = require_tool("chromium")
    port = free_ports()
    origin = f"http://{AUTH_HOST}:{port}"
    office = await desk()
    office.now = now()
    own = await _life(office)
    server = Server(
        app(
            office.authenticators,
            clock=now,
            federation=office.federation,
            auth_origins=[origin],
            session_seconds=3600,
            openid=office.openid,
            fleet=office.fleet,
        ),
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
        yield Stand(office, browser, origin, own)
        await browser.close()
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def _life(office: Desk) -> SessionCookie:
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish(_facts())
        further = Contact(user=ALICE, value="alice@home.example", verified_at=office.now - 90_000)
        await transaction.identity.notice_addresses.put(further)
    await settle_in(office.control, [ALICE], office.now, DEVICES)
    own = await _signed_in(office, ("passkey",), At("192.0.2.7", LINUX, "f"), 1800)
    await _signed_in(
        office,
        ("password", "totp"),
        At("203.0.113.9", FIREFOX, "f", certificate("alice-host")),
        90_000,
    )
    await _signed_in(office, ("passkey",), At("2001:db8::17", IPHONE, "f"), 400)
    stranger = At("198.51.100.4", FIREFOX, "f")
    async with office.store.transaction() as transaction:
        for seconds in (300, 290, 280):
            entry = refused(ALICE, stranger, "password", "wrong-password", office.now - seconds)
            await transaction.sign_ins.append(entry)
    await office.store.append_decisions(
        [
            msgspec.structs.replace(
                decision_record(number, subject=ALICE),
                at=office.now - (26 - number) * 500,
                resource=("handbook", "payroll")[number % 2],
                outcome=("allow", "deny")[number % 2],
                reason=("permitted", "no-policy-permits")[number % 2],
            )
            for number in range(1, 26)
        ]
    )
    return own


async def _signed_in(
    office: Desk, methods: tuple[Method, ...], browser: At, seconds_ago: float
) -> SessionCookie:
    strong = methods == ("passkey",)
    proof = Proof(ALICE, methods, phishing_resistant=strong, multi_factor=True, aal=2)
    act = Act("user:alice", office.now - seconds_ago)
    return await open_session(
        office.control, act, proof=proof, browser=browser, lifetime_seconds=130_000
    )


def _facts() -> list[Change]:
    return [
        change("group", Group(id=GroupId("finance"), name="Finance")),
        change(
            "network", Network(id=NetworkId("hq"), name="Head office", ranges=("192.0.2.0/24",))
        ),
        _policy(
            "handbook",
            "Everybody reads the handbook.",
            'permit (principal, action == Action::"read", resource == Resource::"handbook");',
        ),
        _policy(
            "payroll",
            "Payroll, on a healthy device, freshly signed in.",
            'permit (principal, action, resource == Resource::"payroll") when {'
            " context has device && context.device has healthy && context.device.healthy &&"
            " context has authentication_age_minutes &&"
            " context.authentication_age_minutes < 5 };",
        ),
    ]


def _policy(name: str, description: str, body: str) -> Change:
    text = f'@id("{name}") @description("{description}") {body}'
    found = Policy(id=PolicyId(name), text=text, file="p.cedar", line=1, description=description)
    return change("policy", found)
