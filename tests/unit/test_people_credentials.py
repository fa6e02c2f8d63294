"""What administrators see and take away of people's credentials, and how they decide recoveries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.identity.records import Contact
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app as api_app
from doorward.model.estate import Authenticator
from doorward.model.ids import AuthenticatorId, UserId
from doorward.model.snapshot import change
from tests.fakes.office import APPROVAL_CODE, CONSOLE, NOON, Office, office
from tests.fakes.store import KeptMail

BOB = UserId("bob")
MODEL = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
OWN_PAGE = {"sec-fetch-site": "same-origin"}
WRONG_CODE = "00000000"


@pytest.fixture
async def company() -> Office:
    """Alice used her passkey five minutes ago."""
    company = await office()
    alice = company.control.live.current.sessions["ses_alice"]
    fresh = msgspec.structs.replace(alice, authenticated_at=NOON - 300)
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", fresh)])
    return company


@pytest.fixture
async def api(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api_app(company.context(OperatorSocket())))
    async with httpx.AsyncClient(transport=transport, base_url="http://doorward/api/v1") as client:
        yield client


@pytest.fixture
async def browser(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    """Alice at the console, on its own pages."""
    application = company.console()
    headers = {**company.headers(), **OWN_PAGE}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url=CONSOLE, headers=headers
    ) as client:
        yield client


async def acts(company: Office) -> list[tuple[str, str, str]]:
    async with company.store.transaction() as transaction:
        latest = await transaction.audit.latest(20)
    return [(entry.actor, entry.act, entry.target) for entry in latest[::-1]]


async def test_credentials_are_listed_with_their_level_and_without_secrets(
    company: Office, api: httpx.AsyncClient
) -> None:
    async with company.store.transaction() as transaction:
        item = Authenticator(id=AuthenticatorId(MODEL), name="Hard key", aal3=True)
        await transaction.snapshot.publish([change("authenticator", item)])
    answer = await api.get("/users/bob/credentials")
    held: dict[str, Any] = answer.json()
    assert (held["passkeys"], held["password"], held["recovery_codes"]) == (1, True, 1)
    (passkey,) = held["passkey_list"]
    assert (passkey["id"], passkey["aal"], passkey["attested"]) == ("passkey-of-bob", 3, True)
    for secret in ("cose", "phc", "sealed", "5e5e"):
        assert secret not in answer.text


async def test_credentials_are_taken_away(company: Office, api: httpx.AsyncClient) -> None:
    assert (await api.delete("/users/bob/passkeys/passkey-of-bob")).json()["enforced"]
    assert (await api.delete("/users/bob/password")).status_code == 200
    held = (await api.get("/users/bob/credentials")).json()
    assert held == {
        "passkeys": 0,
        "password": False,
        "password_off": False,
        "recovery_codes": 0,
        "passkey_list": [],
        "notice_address": None,
    }
    assert (await acts(company))[-2:] == [
        ("operator", "passkey-removed", "user:bob"),
        ("operator", "password-removed", "user:bob"),
    ]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/users/bob/passkeys/nothing", "passkey-unknown"),
        ("/users/alice/passkeys/passkey-of-bob", "passkey-unknown"),
        ("/users/nobody/passkeys/x", "user-unknown"),
        ("/users/alice/password", "password-unknown"),
    ],
)
async def test_what_is_not_there_cannot_be_taken(
    company: Office, api: httpx.AsyncClient, path: str, code: str
) -> None:
    answer = await api.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)
    async with company.store.transaction() as transaction:
        assert len(await transaction.credentials.passkeys(BOB)) == 1


async def test_the_person_page_lists_and_removes(
    company: Office, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get("/people/bob")).text
    assert "1 recovery code left" in page
    assert "<script>alert" not in page
    answer = await browser.post("/people/bob/passkeys/passkey-of-bob/remove")
    assert answer.headers["location"] == "/people/bob?done=passkey-removed"
    answer = await browser.post("/people/bob/password/remove")
    assert "No password." in (await browser.get(answer.headers["location"])).text
    assert (await acts(company))[-1] == ("user:alice", "password-removed", "user:bob")


async def turn_off(company: Office) -> None:
    """As many failures in a row at bob's password as turn it off."""
    tried = Attempts(purpose=PASSWORD_OF_PERSON.purpose, subject=BOB, in_a_row=MOST_IN_A_ROW)
    async with company.store.transaction() as transaction:
        await transaction.attempts.put(tried)


async def test_a_password_that_is_off_is_told_and_allowed_by_the_api(
    company: Office, api: httpx.AsyncClient
) -> None:
    early = await api.post("/users/bob/password/allow")
    assert (early.status_code, early.json()["code"]) == (409, "password-not-off")
    await turn_off(company)
    held = (await api.get("/users/bob/credentials")).json()
    assert (held["password"], held["password_off"]) == (True, True)
    allowed = await api.post("/users/bob/password/allow")
    assert (allowed.status_code, allowed.json()["password_off"]) == (200, False)
    assert (await acts(company))[-1] == ("operator", "password-allowed", "user:bob")
    nobody = await api.post("/users/nobody/password/allow")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "user-unknown")


async def test_a_password_that_is_off_is_told_and_allowed_at_the_console(
    company: Office, browser: httpx.AsyncClient
) -> None:
    assert "Their password is off" not in (await browser.get("/people/bob")).text
    await turn_off(company)
    assert "Their password is off" in (await browser.get("/people/bob")).text
    answer = await browser.post("/people/bob/password/allow")
    assert answer.headers["location"] == "/people/bob?done=password-allowed.recorded"
    page = (await browser.get(answer.headers["location"])).text
    assert "The password signs in again" in page
    assert "Their password is off" not in page
    assert (await acts(company))[-1] == ("user:alice", "password-allowed", "user:bob")


async def further_address_of_bob(company: Office) -> None:
    async with company.store.transaction() as transaction:
        await transaction.identity.notice_addresses.put(
            Contact(user=BOB, value="bob@home.test", verified_at=NOON - 86400)
        )


def told(company: Office) -> set[str]:
    mailer = company.control.mailer
    assert isinstance(mailer, KeptMail)
    return {mail.to for mail in mailer.sent}


async def test_a_further_address_is_shown_and_removed_by_the_api(
    company: Office, api: httpx.AsyncClient
) -> None:
    await further_address_of_bob(company)
    held = (await api.get("/users/bob/credentials")).json()
    assert held["notice_address"]["address"] == "bob@home.test"
    answer = await api.delete("/users/bob/notice-address")
    assert (answer.status_code, answer.json()["notice_address"]) == (200, None)
    assert told(company) == {"bob@example.test", "bob@home.test"}
    assert (await acts(company))[-1] == ("operator", "notice-address-removed", "user:bob")
    for user, code in (("bob", "notice-address-unknown"), ("nobody", "user-unknown")):
        again = await api.delete(f"/users/{user}/notice-address")
        assert (again.status_code, again.json()["code"]) == (404, code)


async def test_a_further_address_is_shown_and_removed_at_the_console(
    company: Office, browser: httpx.AsyncClient
) -> None:
    assert "/notice-address/remove" not in (await browser.get("/people/bob")).text
    await further_address_of_bob(company)
    assert "Notices go to bob@home.test too" in (await browser.get("/people/bob")).text
    answer = await browser.post("/people/bob/notice-address/remove")
    assert answer.headers["location"] == "/people/bob?done=notice-address-removed.recorded"
    page = (await browser.get(answer.headers["location"])).text
    assert "The person is told, there too" in page
    assert "bob@home.test" not in page
    assert told(company) == {"bob@example.test", "bob@home.test"}
    assert (await acts(company))[-1] == ("user:alice", "notice-address-removed", "user:bob")


async def test_a_request_is_found_by_its_code_at_the_console(
    company: Office, browser: httpx.AsyncClient
) -> None:
    typed = f"{APPROVAL_CODE[:4]} {APPROVAL_CODE[4:]}"
    page = await browser.post("/recoveries/find", data={"code": typed})
    assert page.status_code == 200
    assert "Is this who speaks to you?" in page.text
    assert f'name="code" value="{typed}"' in page.text
    assert "/recoveries/rec_0001/approve" in page.text
    assert "/recoveries/rec_0001/approve" not in (await browser.get("/recoveries")).text
    unknown = await browser.post("/recoveries/find", data={"code": WRONG_CODE})
    assert (unknown.status_code, "No browser shows this code." in unknown.text) == (422, True)
    assert WRONG_CODE not in unknown.text
    assert (await acts(company))[-1] == ("user:alice", "recovery-code-unknown", "")


async def test_the_api_finds_a_request_by_its_code(api: httpx.AsyncClient) -> None:
    (found,) = (await api.post("/recoveries/find", json={"code": APPROVAL_CODE})).json()
    assert (found["id"], found["user"]) == ("rec_0001", "carol")
    for code, status in ((WRONG_CODE, 422), ("x" * 33, 400), (7, 400)):
        assert (await api.post("/recoveries/find", json={"code": code})).status_code == status


async def test_recoveries_are_listed_without_their_code(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    answer = await api.get("/recoveries")
    (waiting,) = answer.json()
    assert (waiting["id"], waiting["user"], waiting["tries_left"]) == ("rec_0001", "carol", 3)
    page = (await browser.get("/recoveries")).text
    assert "Make sure that you know who is speaking" in page
    for text in (answer.text, page):
        assert APPROVAL_CODE not in text
        assert "f1f1" not in text
    assert "<script>alert" not in page


async def test_the_console_approves_with_the_code(
    company: Office, browser: httpx.AsyncClient
) -> None:
    form = {"code": f"{APPROVAL_CODE[:4]} {APPROVAL_CODE[4:]}", "keep": "1"}
    answer = await browser.post("/recoveries/rec_0001/approve", data=form)
    assert answer.headers["location"] == "/recoveries?done=recovery-approved.recorded"
    page = (await browser.get(answer.headers["location"])).text
    assert "Nobody waits" in page
    assert "goes on by itself" in page
    assert "gateway" not in page
    async with company.store.transaction() as transaction:
        decided = await transaction.recoveries.get("rec_0001")
    assert decided is not None
    assert (decided.state, decided.decided_by, decided.keep) == ("approved", "user:alice", True)


async def test_a_stale_approver_is_sent_to_the_passkey_and_back(
    company: Office, browser: httpx.AsyncClient
) -> None:
    company.now = NOON + 700
    browser.headers.update(company.headers())
    for page in (
        await browser.get("/recoveries"),
        await browser.post("/recoveries/find", data={"code": APPROVAL_CODE}),
        await browser.post("/recoveries/rec_0001/approve", data={"code": APPROVAL_CODE}),
    ):
        assert "Use your passkey" in page.text
        assert "/step-up?resource=console&amp;return=%2Frecoveries&amp;need=phish" in page.text
        assert "/recoveries/rec_0001/approve" not in page.text
    assert page.status_code == 403
    async with company.store.transaction() as transaction:
        waiting = await transaction.recoveries.get("rec_0001")
    assert waiting is not None
    assert (waiting.state, waiting.tries) == ("waiting", 0)


async def test_the_api_at_the_console_asks_for_the_passkey_too(company: Office) -> None:
    company.now = NOON + 700
    application = company.console()
    headers = {**company.headers(), **OWN_PAGE}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url=CONSOLE, headers=headers
    ) as client:
        answer = await client.post(
            "/api/v1/recoveries/rec_0001/approve", json={"code": APPROVAL_CODE}
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "approver-stale")


async def test_a_wrong_code_is_said_on_the_page(
    company: Office, browser: httpx.AsyncClient
) -> None:
    answer = await browser.post("/recoveries/rec_0001/approve", data={"code": WRONG_CODE})
    assert answer.status_code == 422
    assert "You have 2 more." in answer.text
    assert "2 tries left" in answer.text
    assert ("user:alice", "recovery-code-wrong", "user:carol") in await acts(company)


async def test_nobody_approves_their_own_recovery_at_the_console(company: Office) -> None:
    application = company.console()
    headers = {**company.headers(sub="carol", name="Carol"), **OWN_PAGE}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url=CONSOLE, headers=headers
    ) as client:
        answer = await client.post("/recoveries/rec_0001/approve", data={"code": APPROVAL_CODE})
    assert answer.status_code == 403
    assert "Somebody else has to approve it." in answer.text


async def test_the_api_approves_and_rejects(api: httpx.AsyncClient) -> None:
    wrong = await api.post("/recoveries/rec_0001/approve", json={"code": WRONG_CODE})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "recovery-code-wrong")
    right = await api.post("/recoveries/rec_0001/approve", json={"code": APPROVAL_CODE})
    assert right.json() == {"user": "carol", "approved": True}
    gone = await api.post("/recoveries/rec_0001/reject", json={"reason": "late"})
    assert (gone.status_code, gone.json()["code"]) == (404, "recovery-unknown")


async def test_a_request_is_rejected(company: Office, browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/recoveries/rec_0001/reject", data={"reason": "a stranger"})
    assert answer.headers["location"] == "/recoveries?done=recovery-refused.recorded"
    assert (await acts(company))[-1] == ("user:alice", "recovery-refused", "user:carol")
