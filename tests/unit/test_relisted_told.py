"""How operators and administrators are told whom a new list of authenticators shuts out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app as api_app
from doorward.entrypoints.cli import estate as cli
from doorward.entrypoints.cli.app import app as cli_app
from doorward.model.estate import Authenticator
from doorward.model.ids import AuthenticatorId, UserId
from doorward.model.snapshot import change
from tests.fakes.office import CONSOLE, Office, office

BOB = UserId("bob")
OTHER = "ee882879-721c-4913-9775-3dfcce97072a"
FILES = {
    "people.toml": '[[user]]\nid = "bob"\nname = "Bob"\nemail = "bob@example.test"\n',
    "models.toml": f'[[authenticator]]\nid = "{OTHER}"\nname = "Other key"\n',
}


@pytest.fixture
async def company() -> Office:
    return await office()


@pytest.fixture
async def api(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api_app(company.context(OperatorSocket())))
    async with httpx.AsyncClient(transport=transport, base_url="http://doorward/api/v1") as client:
        yield client


async def without_password(company: Office) -> None:
    async with company.store.transaction() as transaction:
        password = await transaction.credentials.password(BOB)
        assert password is not None
        await transaction.credentials.remove(password)


async def test_the_plan_names_them_and_apply_asks_first(
    company: Office, api: httpx.AsyncClient
) -> None:
    planned = (await api.post("/estate/plan", json={"files": FILES})).json()["shut_out"]
    assert planned == {"passkeys": 1, "people": ["bob"], "no_way": [], "ended": 0, "lowered": 0}
    await without_password(company)
    number = company.control.live.current.number
    refused = await api.post("/estate/apply", json={"files": FILES})
    assert (refused.status_code, refused.json()["code"]) == (409, "estate-shuts-out")
    assert "--shut-out" in refused.json()["remedy"]
    assert company.control.live.current.number == number
    applied = await api.post("/estate/apply", json={"files": FILES, "shut_out": True})
    assert applied.json()["shut_out"]["no_way"] == ["bob"]
    (passkey,) = (await api.get("/users/bob/credentials")).json()["passkey_list"]
    assert (passkey["aal"], passkey["refused"]) == (0, "unlisted")


async def test_the_console_marks_such_a_passkey(company: Office) -> None:
    async with company.store.transaction() as transaction:
        item = Authenticator(id=AuthenticatorId(OTHER), name="Other key")
        await transaction.snapshot.publish([change("authenticator", item)])
    console = company.console()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(console), base_url=CONSOLE, headers=company.headers()
    ) as browser:
        page = (await browser.get("/people/bob")).text
    assert "does not sign in: model not listed" in page


class Answers:
    """Stands for the connection to control."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, body))
        return self.answer


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    people = [f"p{number:02}" for number in range(12)]
    found = {"passkeys": 14, "people": people, "no_way": ["p01"], "ended": 5, "lowered": 2}
    effect = {"number": 7, "enforced": True}
    step = {"act": "add", "kind": "authenticator", "id": OTHER, "differences": []}
    there = Answers({"steps": [step], "shut_out": found, "effect": effect})

    @contextmanager
    def connect(_data: Path) -> Iterator[Answers]:
        yield there

    monkeypatch.setattr(cli, "connect", connect)
    return there


def test_the_command_line_says_it_before_and_after(answers: Answers, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("")
    planned = CliRunner().invoke(cli_app, ["plan", str(tmp_path)]).stdout
    assert "! 14 passkeys would no longer sign in, of: p00, p01" in planned
    assert "p09 and 2 more\n" in planned
    assert "! 1 people would have no way left to sign in: p01\n" in planned
    assert "! 5 sessions would end\n" in planned
    assert "! 2 sessions would lose AAL 3\n" in planned
    applied = CliRunner().invoke(cli_app, ["apply", "--shut-out", str(tmp_path)]).stdout
    assert "! 5 sessions ended\n" in applied
    assert [body.get("shut_out") for _, body in answers.asked] == [None, True]
    CliRunner().invoke(cli_app, ["apply", str(tmp_path)])
    assert answers.asked[-1][1]["shut_out"] is False
