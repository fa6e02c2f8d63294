"""`doorward provider`: the real program over a real Unix socket, its secret on standard input."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from tests.fakes.office import NOON, Office, office
from tests.fakes.provider import WORK_ISSUER, OidcProvider, Providers

PROGRAM = Path(sys.executable).with_name("doorward")
SECRET = "a secret: that % nobody reads"


@dataclass
class Cli:
    company: Office
    work: OidcProvider
    data: Path

    async def run(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "provider",
            *arguments,
            "--data",
            str(self.data),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(given.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def stored_secret(self) -> bytes | None:
        async with self.company.store.transaction() as transaction:
            return await transaction.federation.secret(self.company.federation.provider("work").id)


@pytest.fixture
async def cli(tmp_path: Path) -> AsyncIterator[Cli]:
    work = OidcProvider(WORK_ISSUER, lambda: NOON)
    company = await office(Providers(work))
    (tmp_path / "control").mkdir()
    socket = tmp_path / "control" / "api.sock"
    application = app(company.context(OperatorSocket()))
    server = Server(
        application, uds=socket, interface=Interfaces.ASGI, websockets=False, log_enabled=False
    )
    serving = asyncio.create_task(server.serve())
    while not socket.exists():  # noqa: ASYNC110 - nothing tells when the server listens
        await asyncio.sleep(0.01)
    yield Cli(company, work, tmp_path)
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def test_a_secret_is_read_from_standard_input_and_shown_nowhere(cli: Cli) -> None:
    status, out, err = await cli.run("secret", "work", given=f"{SECRET}\n")
    assert (status, out, err) == (0, "The secret for work is set.\n", "")
    sealed = await cli.stored_secret()
    assert sealed is not None
    assert SECRET.encode() not in sealed
    assert SECRET not in (await cli.run("check", "work"))[1]
    status, out, _ = await cli.run("secret", "work", "--remove", "--json")
    assert (status, json.loads(out)) == (0, {"secret_set": False})
    assert await cli.stored_secret() is None


@pytest.mark.parametrize("given", ["", "\n", "two\x00parts\n", "x" * 2000 + "\n"])
async def test_what_is_no_secret_changes_nothing(cli: Cli, given: str) -> None:
    status, out, err = await cli.run("secret", "work", given=given)
    assert (status, out) == (1, "")
    assert "xxxx" not in err
    assert err.count("\n") == 1
    assert await cli.stored_secret() is None


async def test_a_check_says_what_to_register_and_fails_where_something_is_wrong(cli: Cli) -> None:
    assert "not asked yet" in (await cli.run("list"))[1]
    status, out, _ = await cli.run("check", "work")
    assert status == 0
    assert "register as callback: https://auth.doorward.localhost:8081/federation/work" in out
    assert "its clock: agrees with ours" in out
    cli.work.document = {"issuer": "https://evil.example"}
    status, out, _ = await cli.run("check", "work")
    assert status == 1
    assert "another issuer" in out
    assert "not well" in (await cli.run("list"))[1]
    status, _, err = await cli.run("check", "nobody")
    assert status == 1
    assert "no such identity provider" in err


async def test_links_are_shown_and_taken_away(cli: Cli) -> None:
    assert "bob@work.example" in (await cli.run("links", "bob"))[1]
    status, out, _ = await cli.run("unlink", "bob", "work")
    assert status == 0
    assert "bob is not linked at work any more." in out
    assert "No account" in (await cli.run("links", "bob"))[1]
    status, _, err = await cli.run("unlink", "bob", "work")
    assert status == 1
    assert "doorward provider links" in err
