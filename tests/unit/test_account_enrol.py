"""`/account/devices/enrol`, and what a device itself is answered meanwhile."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from doorward.entrypoints.fleet.app import app as fleet_app
from doorward.model.ids import DeviceId
from doorward.protocol.agent import ENROLMENTS, SIGNATURE_HEADER
from doorward.protocol.enrolled_key import key_words
from tests.fakes.account import browser, enrol, sessions
from tests.fakes.enrolments import Applicant
from tests.fakes.sign_in import ALICE, BOB, Desk, desk

HERE = "/account/devices/enrol"


@pytest.fixture
async def office() -> Desk:
    return await desk()


class Device:
    """A device that speaks HTTP to the application that devices speak to."""

    def __init__(self, office: Desk) -> None:
        self.applicant = Applicant(office.fleet)
        transport = httpx.ASGITransport(fleet_app(office.fleet, lambda: office.now))
        self._client = httpx.AsyncClient(transport=transport, base_url="https://auth.corp.test")

    async def post(self, path: str, body: object) -> httpx.Response:
        message = self.applicant.device.signed(path, msgspec.json.encode(body))
        headers = {SIGNATURE_HEADER: message.signature, "x-forwarded-for": "203.0.113.7"}
        return await self._client.post(path, content=message.body, headers=headers)

    async def ask(self, **changed: Any) -> dict[str, Any]:
        answer = await self.post(ENROLMENTS, self.applicant.request(**changed))
        assert answer.status_code == 200, answer.text
        started: dict[str, Any] = answer.json()
        self.applicant.enrolment = started["enrolment"]
        return started

    async def poll(self) -> httpx.Response:
        return await self.post(f"{ENROLMENTS}/{self.applicant.enrolment}", {})


async def test_a_device_is_enrolled_through_the_page(office: Desk) -> None:
    device, here = Device(office), await browser(office)
    started = await device.ask()
    assert (await device.poll()).status_code == 202
    typed = await here.post(f"{HERE}/code", code=started["user_code"])
    assert (typed.status_code, typed.headers["location"]) == (303, HERE)
    page = (await here.get(HERE)).text
    assert key_words(device.applicant.device.public_key) in page
    for word in ("Laptop of Al", "Linux", "in software", "203.0.113.7"):
        assert word in page
    answer = await here.post(f"{HERE}/approve", enrolment=started["enrolment"], replaces="")
    assert answer.headers["location"] == "/account/devices?done=device-approved"
    enrolled = await device.poll()
    assert enrolled.status_code == 200
    assert enrolled.headers["cache-control"] == "no-store"
    found = office.control.live.current.devices[enrolled.json()["device"]]
    assert (found.owner, found.key) == (ALICE, device.applicant.device.key)


async def test_a_refusal_reaches_the_device(office: Desk) -> None:
    device, here = Device(office), await browser(office)
    started = await device.ask()
    await here.post(f"{HERE}/code", code=started["user_code"])
    answer = await here.post(f"{HERE}/refuse", enrolment=started["enrolment"])
    assert answer.headers["location"] == "/account/devices?done=device-refused"
    told = await device.poll()
    assert (told.status_code, told.json()["code"]) == (403, "enrolment-refused")


async def test_a_device_is_replaced_only_where_its_owner_chooses_so(office: Desk) -> None:
    device, here = Device(office), await browser(office)
    await enrol(office, "old-one", name="Laptop of Al")
    await enrol(office, "other", name="Phone")
    await enrol(office, "of-bob", BOB, name="Laptop of Al")
    started = await device.ask()
    await here.post(f"{HERE}/code", code=started["user_code"])
    page = (await here.get(HERE)).text
    # The name is the applicant's choice: it proposes nothing.
    assert 'value="" required checked' in page
    assert 'value="old-one" required>' in page
    assert "of-bob" not in page
    await here.post(f"{HERE}/approve", enrolment=started["enrolment"], replaces="old-one")
    assert (await device.poll()).json()["device"] == "old-one"


@pytest.mark.parametrize(
    ("path", "fields"),
    [(f"{HERE}/code", {"code": "12345678"}), (f"{HERE}/approve", {"enrolment": "enr_x"})],
)
async def test_enrolling_needs_a_fresh_sign_in(
    office: Desk, path: str, fields: dict[str, str]
) -> None:
    here = await browser(office)
    office.now += 601
    back = "/step-up?" + urlencode({"return": HERE, "need": "fresh"})
    assert (await here.get(HERE)).headers["location"] == back
    assert (await here.post(path, **fields)).headers["location"] == back


async def test_a_session_weaker_than_its_person_can_be_enrols_nothing(office: Desk) -> None:
    """Whoever phished a password must not make a device of their own a known one."""
    await office.with_passkey(ALICE)
    await office.with_password(ALICE)
    phished, device = await browser(office, proof=await office.by_password(ALICE)), Device(office)
    started = await device.ask()
    back = "/step-up?" + urlencode({"return": HERE, "need": "phishing-resistant"})
    assert (await phished.get(HERE)).headers["location"] == back
    typed = await phished.post(f"{HERE}/code", code=started["user_code"])
    assert typed.headers["location"] == back
    await (await browser(office)).post(f"{HERE}/code", code=started["user_code"])
    approved = await phished.post(f"{HERE}/approve", enrolment=started["enrolment"], replaces="")
    assert approved.headers["location"] == back
    assert (await device.poll()).status_code == 202


async def test_what_is_wrong_is_said_on_the_page(office: Desk) -> None:
    here = await browser(office)
    wrong = await here.post(f"{HERE}/code", code="00000000")
    assert wrong.status_code == 422
    assert "No device waits for this code" in wrong.text
    gone = await here.post(f"{HERE}/approve", enrolment="enr_x", replaces="")
    assert gone.status_code == 410
    for _ in range(4):
        await here.post(f"{HERE}/code", code="00000000")
    assert (await here.post(f"{HERE}/code", code="00000000")).status_code == 429


async def test_what_a_device_says_of_itself_is_text(office: Desk) -> None:
    device, here = Device(office), await browser(office)
    started = await device.ask(name="<script>alert(1)</script>")
    await here.post(f"{HERE}/code", code=started["user_code"])
    page = (await here.get(HERE)).text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_a_lost_device_is_suspended_also_without_a_fresh_sign_in(office: Desk) -> None:
    here = await browser(office)
    laptop = await enrol(office, "laptop")
    theirs = await enrol(office, "of-bob", BOB)
    office.now += 601
    answer = await here.post("/account/devices/lost", device="laptop")
    assert answer.headers["location"] == "/account/devices?done=device-lost"
    devices = office.control.live.current.devices
    assert devices[laptop].suspended == "lost"
    assert (await here.post("/account/devices/lost", device="of-bob")).status_code == 404
    assert office.control.live.current.devices[theirs].suspended == ""
    assert sessions(office) == {here.session}
    page = (await here.get("/account/devices")).text
    assert "It was reported lost" in page
    assert DeviceId("of-bob") not in page
