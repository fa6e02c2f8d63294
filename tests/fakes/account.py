"""Browsers of people who are signed in, for tests of a person's own pages.

`browser(office, user)` is one with a session of its own, made by the use case, not by the forms.
`post(...)` sends a form as a page of the sign-in host would.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from doorward.administrator.authentication import Browser, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.open_session import open_session
from doorward.administrator.sign_ins.ports import SignIn
from doorward.model.device import Device
from doorward.model.ids import DeviceId, SessionId, UserId
from doorward.model.snapshot import change
from tests.fakes.certificates import key_of
from tests.fakes.sign_in import ALICE, AUTH, Desk

SESSION = "__Host-doorward-session"
SAME = {"origin": AUTH, "sec-fetch-site": "same-origin"}
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:132.0) Gecko/20100101 Firefox/132.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)


@dataclass
class OwnBrowser:
    """A browser, and the session in it."""

    client: httpx.AsyncClient
    session: SessionId

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.client.post(path, data=fields, headers=SAME)


async def browser(
    office: Desk,
    user: UserId = ALICE,
    *,
    agent: str = FIREFOX,
    address: str = "192.0.2.1",
    proof: Proof | None = None,
) -> OwnBrowser:
    """A new browser in which `user` signed in just now: by passkey, or as `proof` says."""
    passkey = Proof(user, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)
    opened = await open_session(
        office.control,
        Act(f"user:{user}", office.now),
        proof=proof or passkey,
        browser=Browser(address, agent, "f1" * 32),
        lifetime_seconds=3600,
    )
    client = office.client(address=address)
    client.headers["cookie"] = f"{SESSION}={opened.secret}"
    client.headers["user-agent"] = agent
    return OwnBrowser(client, opened.session)


async def enrol(office: Desk, device_id: str, owner: UserId = ALICE, **fields: object) -> DeviceId:
    """A device of `owner`, in the snapshot."""
    device = Device(id=DeviceId(device_id), owner=owner, key=key_of(device_id), **fields)  # type: ignore[arg-type]
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish([change("device", device)])
    return device.id


async def sign_ins(office: Desk, user: UserId = ALICE) -> list[SignIn]:
    """The log of a person's sign-ins, newest first."""
    async with office.store.transaction() as transaction:
        return list(await transaction.sign_ins.of(user))


def sessions(office: Desk, user: UserId = ALICE) -> set[SessionId]:
    """Who is signed in as `user` now."""
    return {item.id for item in office.control.live.current.sessions.values() if item.user == user}
