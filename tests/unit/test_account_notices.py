"""The page of notices: what it says in each state, does, and refuses."""

from __future__ import annotations

import html
import re

import httpx
import msgspec
import pytest

from doorward.administrator.authentication import Proof
from doorward.administrator.identity.records import Contact
from tests.fakes.account import OwnBrowser, browser
from tests.fakes.sign_in import ALICE, Desk, desk

HERE = "/account/notices"
FURTHER = "alice@home.test"
ONLY = "It is for notices only: nobody can sign in or recover your account with it."


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def signed_in(office: Desk, proof: Proof | None = None) -> OwnBrowser:
    client = await browser(office, proof=proof)
    client.client.headers["cookie"] += "; __Host-doorward-flow=flow-cookie-of-this-browser"
    return client


async def post(client: OwnBrowser, act: str, **fields: str) -> httpx.Response:
    return await client.post(f"{HERE}/{act}", **fields)


def read(answer: httpx.Response) -> str:
    """The page as it is read: without markup, with single spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def newest_code(office: Desk) -> str:
    found = re.search(r"\b(\d{4} \d{4})\b", office.mailed[-1].text)
    assert found is not None
    return found[1]


async def further(office: Desk) -> Contact | None:
    async with office.store.transaction() as transaction:
        return await transaction.identity.notice_addresses.of(ALICE)


async def test_an_address_is_added_replaced_and_removed(office: Desk) -> None:
    client = await signed_in(office)
    page = read(await client.get(HERE))
    assert "alice@example.test" in page
    assert ONLY in page
    answer = await post(client, "code", address=FURTHER)
    assert answer.headers["location"] == f"{HERE}?done=notice-code-sent"
    page = read(await client.get(answer.headers["location"]))
    assert f"A code went to {FURTHER} ." in page
    answer = await post(client, "confirm", code=newest_code(office))
    assert answer.headers["location"] == f"{HERE}?done=notice-address-set"
    page = read(await client.get(answer.headers["location"]))
    assert f"Address {FURTHER} Since" in page
    assert ONLY in page
    await post(client, "code", address="alice@elsewhere.test")
    assert f"only {FURTHER} counts" in read(await client.get(HERE))
    await post(client, "confirm", code=newest_code(office))
    kept = await further(office)
    assert kept is not None
    assert kept.value == "alice@elsewhere.test"
    answer = await post(client, "remove")
    assert answer.headers["location"] == f"{HERE}?done=notice-address-removed"
    assert await further(office) is None
    assert (await post(client, "remove")).status_code == 404


@pytest.mark.parametrize(
    ("act", "fields", "status", "said"),
    [
        ("code", {}, 422, "not one e-mail address"),
        ("code", {"address": "a@b.test\r\nBcc: c@d.test"}, 422, "not one e-mail address"),
        ("code", {"address": "<script>@b.test"}, 422, "not one e-mail address"),
        ("code", {"address": "alice@example.test"}, 422, "Notices go to this address already"),
        ("confirm", {}, 422, "not the newest one"),
        ("confirm", {"code": "1234 5678"}, 422, "not the newest one"),
    ],
)
async def test_what_is_wrong_is_said_on_the_page_and_changes_nothing(
    office: Desk, act: str, fields: dict[str, str], status: int, said: str
) -> None:
    client = await signed_in(office)
    answer = await post(client, act, **fields)
    assert (answer.status_code, said in read(answer)) == (status, True)
    assert "<script>@" not in answer.text
    assert await further(office) is None
    assert office.mailed == []


async def test_a_flood_and_a_silent_mail_server_are_told(office: Desk) -> None:
    client = await signed_in(office)
    for number in range(5):
        await post(client, "code", address=f"a{number}@home.test")
    answer = await post(client, "code", address=FURTHER)
    assert (answer.status_code, "Several codes" in read(answer)) == (429, True)


async def test_a_session_that_is_not_strong_confirms_first_and_comes_back(office: Desk) -> None:
    await office.with_passkey(ALICE)
    password = Proof(
        ALICE, ("password", "totp"), phishing_resistant=False, multi_factor=True, aal=2
    )
    client = await signed_in(office, password)
    office.mailed.clear()
    page = (await client.get(HERE)).text
    step_up = "/step-up?return=%2Faccount%2Fnotices&need=phishing-resistant"
    assert html.escape(step_up) in page
    assert f"{HERE}/code" not in page
    for act in ("code", "confirm", "remove"):
        answer = await post(client, act, address=FURTHER, code="00000000")
        assert (answer.status_code, answer.headers["location"]) == (303, step_up)
    assert office.mailed == []
    assert f'data-path="{HERE}"' in (await client.get(step_up)).text


async def test_a_code_on_its_way_is_still_asked_for_after_a_step_up(office: Desk) -> None:
    await post(await signed_in(office), "code", address=FURTHER)
    office.now += 300
    assert f"A code went to {FURTHER}" in read(await (await signed_in(office)).get(HERE))
    office.now += 300
    assert "A code went" not in read(await (await signed_in(office)).get(HERE))


async def test_who_has_no_address_at_all_is_told_to_add_one(office: Desk) -> None:
    client = await signed_in(office)
    alice = office.control.live.current.users[ALICE]
    assert "You cannot be told" not in read(await client.get("/account"))
    await office.publish("user", msgspec.structs.replace(alice, email=""))
    assert "You cannot be told what happens" in read(await client.get("/account"))
    assert "Your organisation has no address of yours" in read(await client.get(HERE))
    await post(client, "code", address=FURTHER)
    await post(client, "confirm", code=newest_code(office))
    assert "You cannot be told" not in read(await client.get("/account"))
