"""A person's identity page: what it says, does, and refuses."""

from __future__ import annotations

import re

import httpx
import msgspec
import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.identity.records import Contact
from doorward.administrator.proofing.cases import open_case
from doorward.model.snapshot import change
from tests.fakes.account import SAME, OwnBrowser, browser
from tests.fakes.proofing import a_case, a_verification
from tests.fakes.sign_in import ALICE, BOB, Desk, desk
from tests.fakes.store import KeptMail

HERE = "/account/identity"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def signed_in(office: Desk) -> OwnBrowser:
    client = await browser(office)
    await client.get("/sign-in")
    client.client.headers["cookie"] += "; __Host-doorward-flow=flow-cookie-of-this-browser"
    return client


async def post(client: OwnBrowser, act: str, **fields: str) -> httpx.Response:
    return await client.post(f"{HERE}/{act}", **fields)


def code_sent(office: Desk) -> str:
    mailer = office.control.mailer
    assert isinstance(mailer, KeptMail)
    found = re.search(r"\b(\d{4} \d{4})\b", mailer.sent[-1].text)
    assert found is not None
    return found[1]


async def test_whoever_is_not_signed_in_signs_in_first(office: Desk) -> None:
    client = office.client()
    answer = await client.get(HERE)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?return=%2Faccount%2Fidentity"
    for act in ("code", "confirm", "case", "withdraw"):
        answer = await client.post(f"{HERE}/{act}", headers=SAME)
        assert answer.status_code == 401
    async with office.store.transaction() as transaction:
        assert await transaction.identity.cases.open() == []


async def test_the_page_gives_its_forms_the_cookie_that_they_need(office: Desk) -> None:
    """The flow cookie of a sign-in lives for an hour, the session for longer."""
    client = await browser(office)
    flow = (await client.get(HERE)).cookies["__Host-doorward-flow"]
    client.client.headers["cookie"] += f"; __Host-doorward-flow={flow}"
    assert (await post(client, "code")).headers["location"] == f"{HERE}?done=code-sent"


async def test_an_address_is_verified_by_the_code_that_was_sent_there(office: Desk) -> None:
    client = await signed_in(office)
    assert "Not verified" in (await client.get(HERE)).text
    answer = await post(client, "code")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}?done=code-sent")
    page = (await client.get(answer.headers["location"])).text
    assert "Code from the message" in page
    wrong = await post(client, "confirm", code="0000 0000")
    assert wrong.status_code == 422
    assert "Code from the message" in wrong.text
    right = await post(client, "confirm", code=code_sent(office))
    assert right.headers["location"] == f"{HERE}?done=contact-verified"
    async with office.store.transaction() as transaction:
        contact = await transaction.identity.contacts.of(ALICE)
    assert contact is not None
    assert contact.value == "alice@example.test"


async def test_a_former_address_does_not_count(office: Desk) -> None:
    client = await signed_in(office)
    async with office.store.transaction() as transaction:
        await transaction.identity.contacts.put(
            Contact(user=ALICE, value="old@example.test", verified_at=1.0)
        )
    page = (await client.get(HERE)).text
    assert "You verified another address before" in page
    assert "Send me a code" in page


async def test_a_request_is_opened_and_withdrawn(office: Desk) -> None:
    client = await signed_in(office)
    answer = await post(client, "case", method="video")
    assert answer.headers["location"] == f"{HERE}?done=case-opened"
    page = (await client.get(HERE)).text
    assert "A verifier will contact you" in page
    again = await post(client, "case", method="onsite")
    assert again.status_code == 409
    await post(client, "withdraw")
    async with office.store.transaction() as transaction:
        (case,) = await transaction.identity.cases.of(ALICE)
    assert (case.state, case.opened_by, case.closed_by) == ("withdrawn", "user:alice", "user:alice")
    assert (await post(client, "withdraw")).status_code == 404


async def test_nobody_withdraws_for_somebody_else(office: Desk) -> None:
    client = await signed_in(office)
    case = await open_case(office.control, Act("operator", office.now), BOB, "onsite")
    assert (await post(client, "withdraw", case=case.id)).status_code == 404
    async with office.store.transaction() as transaction:
        assert await transaction.identity.cases.open() == [case]


@pytest.mark.parametrize("fields", [{}, {"method": "telepathy"}, {"method": ""}], ids=str)
async def test_a_way_that_there_is_not_opens_nothing(office: Desk, fields: dict[str, str]) -> None:
    client = await signed_in(office)
    assert (await post(client, "case", **fields)).status_code == 400
    async with office.store.transaction() as transaction:
        assert await transaction.identity.cases.open() == []


async def test_what_is_verified_is_shown_until_when(office: Desk) -> None:
    client = await signed_in(office)
    async with office.store.transaction() as transaction:
        await transaction.identity.verifications.add(
            a_verification("idv_1", user=ALICE, at=office.now, until=office.now + 86_400)
        )
        await transaction.identity.verifications.add(a_verification("idv_2", user=BOB))
    page = (await client.get(HERE)).text
    assert "IAL1" in page
    assert "idv_1" in page
    assert "idv_2" not in page
    assert "another name since" not in page
    alice = office.control.live.current.users[ALICE]
    async with office.store.transaction() as transaction:
        renamed = msgspec.structs.replace(alice, name=HOSTILE)
        await transaction.snapshot.publish([change("user", renamed)])
    page = (await client.get(HERE)).text
    assert "another name since" in page


async def test_no_markup_of_a_record_reaches_the_page(office: Desk) -> None:
    client = await signed_in(office)
    async with office.store.transaction() as transaction:
        await transaction.identity.contacts.put(Contact(user=ALICE, value=HOSTILE, verified_at=1.0))
        await transaction.identity.cases.put(
            a_case("idc_1", subject=ALICE, verifier=HOSTILE, expires_at=office.now + 60)
        )
    assert HOSTILE not in (await client.get(f"{HERE}?done={HOSTILE}")).text


async def test_a_rejection_is_told_without_its_reason(office: Desk) -> None:
    client = await signed_in(office)
    async with office.store.transaction() as transaction:
        await transaction.identity.cases.put(
            a_case(
                "idc_1", subject=ALICE, state="rejected", closed_at=office.now, reason="no likeness"
            )
        )
    page = (await client.get(HERE)).text
    assert "closed without success" in page
    assert "no likeness" not in page


async def test_a_mailbox_that_cannot_be_reached_is_told(office: Desk) -> None:
    client = await signed_in(office)
    mailer = office.control.mailer
    assert isinstance(mailer, KeptMail)
    mailer.broken = True
    assert (await post(client, "code")).status_code == 503
