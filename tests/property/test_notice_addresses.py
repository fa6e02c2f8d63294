"""Whatever is posted to the page of notices: an answer, and nothing changed without its code.

And whatever is taken for an address stands in a message as one recipient, and as nothing else.
"""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes
from email.policy import SMTP
from email.utils import getaddresses
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doorward.adapters.mail import FolderMailer
from doorward.administrator.credentials.notice_addresses import LONGEST_ADDRESS, checked_address
from doorward.administrator.mail import Mail
from doorward.errors import DoorwardError
from doorward.estate.checks import is_address
from doorward.model.estate import User
from doorward.model.ids import UserId
from tests.fakes.account import SAME, browser
from tests.fakes.sign_in import ALICE, BOB, Desk, desk

PERSON = User(id=ALICE, name="Alice", email="alice@example.test")
HERE = "/account/notices"
PIECES = st.sampled_from(
    [
        "alice", "home", ".", "@", "test", "-", "+", "_", "'", '"', "<", ">", ",", ";", ":", "(",
        ")", "[", "]", "\\", "\r", "\n", "\r\n", "\t", " ", "\x00", "\x85", "\u2028", "é", "\uff20",
        "\r\nBcc: mallory@evil.test", "=?utf-8?q?=0D=0ABcc:x?=", "%0d%0a", "a" * 80,
    ]
)  # fmt: skip
addresses = st.one_of(
    st.text(max_size=40),
    st.lists(PIECES, max_size=9).map("".join),
    st.tuples(st.text(max_size=12), st.lists(PIECES, max_size=5).map("".join)).map("@".join),
    st.from_regex(r"[a-z0-9.+_-]{1,70}@[a-z0-9.-]{1,200}", fullmatch=True),
    st.emails(),
)


def taken(typed: str) -> str | None:
    try:
        return checked_address(typed, PERSON)
    except DoorwardError as error:
        if error.code not in {"notice-address-invalid", "notice-address-known"}:
            raise
        return None


@settings(max_examples=400)
@given(addresses)
@example("alice@home.test")
@example("o'neil+notices@mail.home.test")
@example(f"a@{'b' * (LONGEST_ADDRESS - 2)}")
def test_what_is_taken_is_one_recipient_and_no_other_header(typed: str) -> None:
    address = taken(typed)
    if address is None:
        return
    assert is_address(address)
    assert address == typed.strip(" ")
    assert len(address) <= LONGEST_ADDRESS
    assert re.fullmatch(r"[\x21-\x7e]+", address)
    with TemporaryDirectory() as folder:
        mailer = FolderMailer(Path(folder), "doorward@example.test", lambda: 1.0)
        asyncio.run(mailer.send(Mail(to=address, subject="A notice", text="It happened.\n")))
        (written,) = Path(folder).glob("*.eml")
        message = message_from_bytes(written.read_bytes(), policy=SMTP)
    assert [pair[1] for pair in getaddresses([str(message["to"])])] == [address]
    assert set(map(str.lower, message.keys())) == {
        "from", "to", "subject", "date", "message-id", "auto-submitted",
        "content-type", "content-transfer-encoding", "mime-version",
    }  # fmt: skip


ACTS = ("code", "confirm", "remove")
fields = st.dictionaries(
    st.sampled_from(["address", "code", "user", "session", "to"]),
    st.one_of(addresses, st.from_regex(r"[0-9 ]{8,10}", fullmatch=True)),
    max_size=3,
)
forms = st.tuples(st.sampled_from(ACTS), st.one_of(fields, st.binary(max_size=60)))


async def kept(office: Desk) -> list[str]:
    async with office.store.transaction() as transaction:
        table = transaction.identity.notice_addresses
        found = [await table.of(user) for user in (ALICE, BOB, UserId("carol"))]
    return [item.value for item in found if item is not None]


@settings(max_examples=40, deadline=None)
@given(st.lists(forms, min_size=1, max_size=6))
def test_whatever_is_posted_is_answered_and_keeps_nothing_without_its_code(
    posted: list[tuple[str, dict[str, str] | bytes]],
) -> None:
    async def story() -> None:
        office = await desk()
        here = await browser(office)
        here.client.headers["cookie"] += "; __Host-doorward-flow=flow-cookie-of-this-browser"
        number = office.control.live.current.number
        for act, form in posted:
            answer = await send(here.client, act, form)
            assert answer.status_code in {303, 400, 404, 422, 429, 503}, answer.text
            assert await kept(office) == []
        assert office.control.live.current.number == number
        assert {mail.subject for mail in office.mailed} <= {"Your code for notices of doorward"}
        for mail in office.mailed:
            assert taken(mail.to) == mail.to

    asyncio.run(story())


async def send(client: httpx.AsyncClient, act: str, form: dict[str, str] | bytes) -> httpx.Response:
    where = f"{HERE}/{act}"
    if isinstance(form, bytes):
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await client.post(where, content=form, headers={**SAME, **kind})
    return await client.post(where, data=form, headers=SAME)
