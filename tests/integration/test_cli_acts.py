"""The commands that speak to the API: the real program, over a real Unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from typer.testing import CliRunner, Result

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.identity.records import Contact
from doorward.administrator.ports import AuditHead
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app
from doorward.entrypoints.cli.app import app as program
from doorward.model.ids import UserId
from tests.fakes.office import APPROVAL_CODE, Office, decision_record, office

PROGRAM = Path(sys.executable).with_name("doorward")


@dataclass
class Finished:
    status: int
    out: str
    err: str


@dataclass
class Cli:
    company: Office
    data: Path

    async def run(self, *arguments: str) -> Finished:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    async def shown(self, *arguments: str) -> str:
        """What a command prints that succeeds, without a process of its own: it is quicker."""
        invoked = await asyncio.to_thread(
            CliRunner().invoke, program, [*arguments, "--data", str(self.data)]
        )
        assert invoked.exit_code == 0, invoked.output
        return invoked.stdout

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            "--data",
            self.data,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.shown(*arguments, "--json"))


@pytest.fixture
async def cli(tmp_path: Path) -> AsyncIterator[Cli]:
    company = await office()
    (tmp_path / "control").mkdir()
    server = Server(
        app(company.context(OperatorSocket())),
        uds=tmp_path / "control" / "api.sock",
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    for _ in range(100):
        if (tmp_path / "control" / "api.sock").exists():
            break
        await asyncio.sleep(0.02)
    yield Cli(company, tmp_path)
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def test_looking(cli: Cli) -> None:
    for arguments, shown in [
        (("log", "--outcome", "deny"), "no-policy-permits"),
        (("why", "dec_0002"), "payroll-at-work"),
        (("audit", "list"), "user-risk-set"),
        (("audit", "verify"), "All 1 entries are as they were written."),
        (("session", "list"), "ses_bob"),
        (("user", "list"), "bob@example.test"),
        (("user", "sign-ins", "bob"), "wrong-code"),
        (("user", "sign-ins", "alice"), "Nobody has signed in"),
        (("device", "list"), "disk encryption is off"),
        (("token", "list"), "dwt_0001"),
        (("client", "list"), "confidential"),
        (("client", "sessions", "--client", "wiki"), "sid_0002"),
        (("keys", "list"), "ES256"),
        (("verification", "list"), "idv_0001"),
        (("verification", "list", "--user", "dave"), "Nobody's identity is verified."),
        (("verification", "show", "idv_0001"), '"trust_framework": "nist_800_63A"'),
        (("verifier", "list"), "alice"),
        (("user", "handover"), "There is nothing to hand over."),
        (("user", "handover", "alice"), "payroll"),
        (("user", "move", "dave", "--group", "payroll", "--dry-run"), "gains"),
    ]:
        assert shown in await cli.shown(*arguments), arguments


async def test_acting(cli: Cli) -> None:
    for arguments, said in [
        (("session", "risk", "ses_bob", "40"), "Session ses_bob has risk 40."),
        (("session", "revoke", "ses_bob"), "Every gateway enforces it"),
        (("user", "disable", "bob", "--reason", "left"), "bob is disabled."),
        (("user", "enable", "bob"), "bob is enabled."),
        (("user", "groups", "bob", "platform"), "bob is in platform."),
        (("user", "risk", "bob", "10"), "bob has risk 10."),
        (("user", "sign-out", "bob"), "bob is signed out everywhere."),
        (("device", "posture", "laptop-7", "unhealthy"), "Device laptop-7 is unhealthy."),
        (("device", "remove", "laptop-9"), "Device laptop-9 is removed."),
        (("token", "revoke", "dwt_0001"), "Token dwt_0001 is revoked."),
        (("client", "end", "sid_0002"), "Sign-in sid_0002 is ended."),
        (("keys", "rotate", "--at-once"), "RS256"),
        (("verifier", "train", "bob", "--until", "2027-06-30"), "do not have the verifiers' role"),
        (("verification", "revoke", "idv_0001", "--reason", "forged"), "idv_0001 is revoked."),
        (("user", "move", "dave", "--group", "payroll"), "dave is in payroll."),
        (("user", "leave", "carol", "--reason", "gone"), "carol has left. Ended: recoveries 1."),
        (("user", "leave", "alice"), "payroll"),
        (("user", "handover"), "handbook"),
    ]:
        assert said in await cli.shown(*arguments), arguments
    assert cli.company.control.live.current.users["bob"].groups == ("platform",)


async def test_a_password_that_is_off_is_shown_and_allowed_again(cli: Cli) -> None:
    assert "authenticator app: yes." in await cli.shown("user", "credentials", "bob")
    tried = Attempts(purpose=PASSWORD_OF_PERSON.purpose, subject="bob", in_a_row=MOST_IN_A_ROW)
    async with cli.company.store.transaction() as transaction:
        await transaction.attempts.put(tried)
    shown = await cli.shown("user", "credentials", "bob")
    assert "authenticator app: off, after too many failed attempts." in shown
    said = await cli.shown("user", "allow-password", "bob")
    assert said == "The password of bob signs in again.\n"
    again = await cli.run("user", "allow-password", "bob")
    assert (again.status, "is not off" in again.err) == (1, True)


async def test_a_further_address_is_shown_and_removed(cli: Cli) -> None:
    assert "address for notices: none." in await cli.shown("user", "credentials", "bob")
    further = Contact(user=UserId("bob"), value="bob@home.test", verified_at=1.0)
    async with cli.company.store.transaction() as transaction:
        await transaction.identity.notice_addresses.put(further)
    shown = await cli.shown("user", "credentials", "bob")
    assert "address for notices: bob@home.test." in shown
    said = await cli.shown("user", "remove-notice-address", "bob")
    assert said == "Notices for bob go to no further address any more.\n"
    again = await cli.run("user", "remove-notice-address", "bob")
    assert (again.status, "no further address" in again.err) == (1, True)


async def test_a_recovery_is_found_by_its_code(cli: Cli) -> None:
    async def approve(typed: str) -> Result:
        arguments = ["recovery", "approve", "--data", str(cli.data)]
        return await asyncio.to_thread(CliRunner().invoke, program, arguments, input=typed)

    wrong = await approve("00000000\n")
    assert (wrong.exit_code, "recovery-code-unknown" in str(wrong.exception)) == (1, True)
    other = await approve(f"{APPROVAL_CODE}\nn\n")
    assert (other.exit_code, "Nothing is approved." in other.output) == (1, True)
    right = await approve(f"{APPROVAL_CODE}\ny\n")
    assert "It is the code of" in right.output
    assert "Approved: carol can go on in the browser that shows the code." in right.output
    assert right.exit_code == 0


async def test_a_secret_is_the_only_line_on_standard_output(cli: Cli) -> None:
    issued = await cli.run("token", "issue", "reports", "--resource", "payroll")
    assert len(issued.out.splitlines()) == 1
    assert issued.out.startswith("dwt_")
    made = await cli.run("client", "secret", "wiki")
    assert len(made.out.splitlines()) == 1
    assert "shown only now" in made.err
    invited = await cli.run("user", "invite", "dave")
    assert len(invited.out.splitlines()) == 1
    assert "/invitation#" in invited.out
    joined = await cli.run("user", "join", "dave", "--mail")
    assert len(joined.out.splitlines()) == 1
    assert "/invitation#" in joined.out
    assert "It was sent by mail." in joined.err
    assert "Missing: the identity is not verified." in joined.err


async def test_a_code_for_enrolment_is_alone_on_standard_output(cli: Cli) -> None:
    made = await cli.run("device", "enrol", "--owner", "dave", "--id", "mill-1", "--name", "Mill")
    assert (made.status, len(made.out.splitlines())) == (0, 1)
    assert len(made.out.strip()) > 20
    assert "shown only now" in made.err
    refused = await cli.run("device", "enrol", "--owner", "dave", "--id", "mill 1")
    assert refused.status == 1
    assert "cannot be the id of a device" in refused.err
    lost = await cli.run("device", "lost", "laptop-7")
    assert "Device laptop-7 is suspended." in lost.out
    assert cli.company.control.live.current.devices["laptop-7"].suspended == "lost"


async def test_an_error_is_one_line_that_says_what_to_do(cli: Cli) -> None:
    finished = await cli.run("user", "disable", "nobody")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.splitlines() == [
        "doorward: There is no person `nobody`. List them with doorward user list."
    ]


async def test_without_a_control_plane_the_error_says_so(tmp_path: Path) -> None:
    finished = await Cli(await office(), tmp_path).run("user", "list")
    assert finished.status == 1
    assert "No control plane answers" in finished.err
    assert len(finished.err.splitlines()) == 1


async def test_a_changed_audit_log_ends_with_status_1(cli: Cli) -> None:
    cli.company.heads.head = AuditHead(seq=99, hash="00" * 32)
    finished = await cli.run("audit", "verify")
    assert finished.status == 1
    assert "CHANGED at entry" in finished.out


async def test_a_stranger_cannot_steer_the_terminal(cli: Cli) -> None:
    await cli.company.store.append_decisions([decision_record(7, path="/\x1b[2J\x07")])
    for arguments in (("log",), ("why", "dec_0007")):
        shown = await cli.shown(*arguments)
        assert "\x1b" not in shown
        assert "\\x1b[2J" in shown


async def test_json_is_what_the_api_says(cli: Cli) -> None:
    page = await cli.json("log", "--subject", "bob")
    assert [decision["id"] for decision in page["decisions"]] == ["dec_0002", "dec_0001"]
    effect = await cli.json("user", "risk", "bob", "99")
    assert effect["enforced"] is True
    assert (await cli.json("user", "list"))[1]["risk"] == 99


async def test_following_prints_each_decision_once(cli: Cli) -> None:
    process = await cli.start("log", "--follow", "--json", "--limit", "2")
    assert process.stdout is not None
    async with asyncio.timeout(20):
        lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
        await cli.company.store.append_decisions([decision_record(7), decision_record(8)])
        lines += [json.loads(await process.stdout.readline()) for _ in range(2)]
        await cli.company.store.append_decisions([decision_record(9)])
        lines.append(json.loads(await process.stdout.readline()))
    os.kill(process.pid, signal.SIGINT)
    assert await process.wait() in {0, 130}
    assert [line["seq"] for line in lines] == [5, 6, 7, 8, 9]


async def test_event_streams_are_shown_paused_and_removed(cli: Cli) -> None:
    shown = await cli.shown("signal", "streams")
    assert "stm_0002" in shown
    assert "answered 503" in shown
    assert "secret" not in shown
    paused = await cli.json("signal", "pause", "stm_0001", "--reason", "Maintenance")
    assert (paused["status"], paused["reason"], paused["waiting"]) == ("paused", "Maintenance", 1)
    assert "is enabled" in await cli.shown("signal", "resume", "stm_0001")
    assert "stm_0003 is gone" in await cli.shown("signal", "remove", "stm_0003")
    left = {item["id"]: item["status"] for item in await cli.json("signal", "streams")}
    assert left == {"stm_0001": "enabled", "stm_0002": "enabled"}
    unknown = await cli.run("signal", "pause", "stm_9")
    assert unknown.status == 1
    assert "no stream `stm_9`" in unknown.err


async def test_the_id_of_a_passkey_may_begin_like_an_option(cli: Cli) -> None:
    unknown = await cli.run("user", "remove-passkey", "bob", "-byT01BtLLi93YiqHekW")
    assert unknown.status == 1
    assert "passkey" in unknown.err
