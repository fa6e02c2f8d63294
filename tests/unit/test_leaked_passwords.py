"""The list of leaked passwords: asked about new ones only, and failing closed."""

from __future__ import annotations

import ast
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from doorward.adapters.leaked_passwords import (
    LeakedPasswordFile,
    NoLeakedPasswords,
    leaked_passwords,
)
from doorward.adapters.password_judge import ZxcvbnJudge
from doorward.administrator.authentication import Proof
from doorward.administrator.password_rules import require_acceptable
from doorward.administrator.recovery.complete_recovery import (
    begin_recovery_totp,
    recover_with_password,
)
from doorward.errors import DoorwardError
from tests.architecture.source_tree import SOURCE, shown, trees
from tests.fakes.sign_in import ALICE, HERE, PASSWORD, Desk, desk
from tests.unit.test_invitation import nothing_is_kept, set_password
from tests.unit.test_own_credentials import set_password as set_password_of_ones_own
from tests.unit.test_recovery import approve, ask

GOOD = "correct horse battery staple 9"


def line(password: str, count: int = 1) -> str:
    return f"{hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()}:{count}\n"


def written(folder: Path, *leaked: str) -> Path:
    path = folder / "leaked.txt"
    path.write_text("".join(sorted(line(password) for password in leaked)))
    return path


WRONG = {
    "empty": "",
    "passwords themselves": "123456\nqwerty\n",
    "hashes without counts": "".join(sorted(line(x) for x in "abc")).replace(":1", ""),
    "NTLM hashes": "".join(sorted(line(x)[8:] for x in "abc")),
    "by how often": "".join(sorted((line(x) for x in "abcdefgh"), reverse=True)),
    "a blank line": line("a") + "\n",
    "one endless line": "A" * 100_000,
    "compressed": "\x1f\x8b\x08" * 300,
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_such_list_stops_the_start(tmp_path: Path, what: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(WRONG[what].encode("latin-1"))
    with pytest.raises(DoorwardError, match="password-blocklist-invalid") as refused:
        leaked_passwords(str(path))
    assert str(path) in refused.value.detail
    assert "HASH:COUNT" in refused.value.remedy


def test_what_is_no_file_stops_the_start_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", "."):
        with pytest.raises(DoorwardError, match="password-blocklist-invalid"):
            leaked_passwords(str(tmp_path / name))


def test_without_the_setting_nothing_is_known_to_have_leaked() -> None:
    none = leaked_passwords("")
    assert isinstance(none, NoLeakedPasswords)
    assert (none.holds("password"), none.problem()) == (False, "")


def acceptable(office: Desk, password: str, path: Path) -> None:
    alice = office.control.live.current.users[ALICE]
    require_acceptable(password, alice, ZxcvbnJudge(), LeakedPasswordFile(path))


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def test_a_leaked_password_is_not_acceptable(office: Desk, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, "other")
    with pytest.raises(DoorwardError, match="password-leaked") as refused:
        acceptable(office, GOOD, path)
    assert "stolen" in refused.value.detail
    acceptable(office, GOOD + "!", path)


@pytest.mark.parametrize("leaked", ["ﬁfteen blue hedgehogs hum", "fifteen blue hedgehogs hum"])
async def test_it_is_looked_up_as_typed_and_as_it_is_hashed(
    office: Desk, tmp_path: Path, leaked: str
) -> None:
    with pytest.raises(DoorwardError, match="password-leaked"):
        acceptable(office, "ﬁfteen blue hedgehogs hum", written(tmp_path, leaked))


@pytest.mark.parametrize("gone", [False, True])
async def test_an_invitation_sets_no_leaked_or_unchecked_password_and_stays_good(
    office: Desk, tmp_path: Path, gone: bool
) -> None:
    path = written(tmp_path, PASSWORD)
    code = "password-leaked"
    office = with_list(office, path)
    secret = await office.invite(ALICE)
    if gone:
        path.unlink()
        code = "password-blocklist-unreadable"
    with pytest.raises(DoorwardError, match=code):
        await set_password(office, secret, password=PASSWORD)
    assert await nothing_is_kept(office)
    written(tmp_path, "another")
    assert (await set_password(office, secret, password=PASSWORD)).user == ALICE


def with_list(office: Desk, path: Path) -> Desk:
    strict = replace(office.authenticators, leaked=LeakedPasswordFile(path))
    return replace(office, authenticators=strict)


async def test_nobody_sets_a_leaked_password_of_their_own(office: Desk, tmp_path: Path) -> None:
    office = with_list(office, written(tmp_path, PASSWORD))
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    with pytest.raises(DoorwardError, match="password-leaked"):
        await set_password_of_ones_own(office, session, PASSWORD)
    async with office.store.transaction() as transaction:
        assert await transaction.credentials.password(ALICE) is None
    assert PASSWORD not in str(office.store.content())
    await set_password_of_ones_own(office, session, GOOD)


async def test_no_recovery_sets_a_leaked_password_and_it_can_be_gone_on_with(
    office: Desk, tmp_path: Path
) -> None:
    office = with_list(office, written(tmp_path, PASSWORD))
    await approve(office, (await ask(office)).code)

    async def recover(password: str) -> Proof:
        new = await begin_recovery_totp(office.authenticators, HERE, office.now)
        office.totp_secrets["alice"] = new.enrolment.secret
        return await recover_with_password(
            office.authenticators,
            HERE,
            ticket=new.ticket,
            password=password,
            code=office.code(ALICE),
            now=office.now,
        )

    with pytest.raises(DoorwardError, match="password-leaked"):
        await recover(PASSWORD)
    assert await nothing_is_kept(office)
    assert (await recover(GOOD)).credential == "password"


def test_a_password_to_keep_is_made_where_it_is_looked_up() -> None:
    """Nothing else in the policy administrator, or above, makes one."""
    makes = {
        shown(path)
        for path, tree in trees(SOURCE / "administrator", SOURCE / "entrypoints")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Password"
    }
    assert makes == {"src/doorward/administrator/credentials/enrol_password.py"}


async def test_where_the_list_is_gone_no_password_is_set_and_the_log_says_so(
    office: Desk, tmp_path: Path
) -> None:
    path = written(tmp_path, "a", "b")
    path.unlink()
    with (
        capture_logs() as logs,
        pytest.raises(DoorwardError, match="password-blocklist-unreadable") as refused,
    ):
        acceptable(office, GOOD, path)
    assert str(path) not in refused.value.detail
    assert logs == [
        {
            "event": "password-blocklist-unreadable",
            "log_level": "error",
            "path": str(path),
            "why": "No such file or directory",
        }
    ]


async def test_nothing_of_the_password_goes_into_a_log(office: Desk, tmp_path: Path) -> None:
    """Not even where in the list it would stand."""
    path = written(tmp_path, "a", "b")
    path.write_text(path.read_text().replace(":", ";"))
    with capture_logs() as logs, pytest.raises(DoorwardError) as refused:
        acceptable(office, GOOD, path)
    assert refused.value.__cause__ is None
    assert [(entry["why"], set(entry)) for entry in logs] == [
        ("malformed", {"event", "log_level", "path", "why"})
    ]
    assert not any(character.isdigit() for character in refused.value.detail)


async def test_a_list_that_is_replaced_counts_at_once(office: Desk, tmp_path: Path) -> None:
    path = written(tmp_path, "a", "b")
    acceptable(office, GOOD, path)
    newer = tmp_path / "newer"
    newer.mkdir()
    written(newer, "a", "b", GOOD).replace(path)
    with pytest.raises(DoorwardError, match="password-leaked"):
        acceptable(office, GOOD, path)


async def test_a_password_that_there_is_goes_on_whatever_the_list_says(
    office: Desk, tmp_path: Path
) -> None:
    await office.with_password(ALICE)
    leaked = LeakedPasswordFile(written(tmp_path, PASSWORD))
    assert leaked.holds(PASSWORD)
    strict = replace(office, authenticators=replace(office.authenticators, leaked=leaked))
    assert (await strict.by_password(ALICE)).aal == 2
    (tmp_path / "leaked.txt").unlink()
    office.now += 60
    strict.now = office.now
    assert (await strict.by_password(ALICE)).aal == 2
