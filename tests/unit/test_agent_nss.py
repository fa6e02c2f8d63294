from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from doorward.adapters.ca import create_authority
from doorward.agent.certificates import TlsIdentity
from doorward.agent.nss import CA_NICKNAME, BrowserCertificates, NssDatabase
from doorward.errors import DoorwardError
from tests.fakes.agent_control import FakeControl
from tests.tools import require_tool

SOMEBODY = 54321


class Tools:
    """Stands in for `certutil` and `pk12util`, and keeps what reached them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[list[str]] = []
        self.passwords: list[str] = []
        self.imported: list[bytes] = []
        self.modes: set[int] = set()
        self.status = 0
        monkeypatch.setattr(subprocess, "run", self._run)

    def _run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(list(command))
        if command[0] == "pk12util":
            file, password = (Path(command[command.index(flag) + 1]) for flag in ("-i", "-w"))
            self.imported.append(file.read_bytes())
            self.passwords.append(password.read_text())
            self.modes.add(file.parent.stat().st_mode & 0o777)
        return subprocess.CompletedProcess(command, self.status, "", "")


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    return Tools(monkeypatch)


def identity() -> TlsIdentity:
    control = FakeControl()
    return TlsIdentity(control._key, control.authority, control.authority, 0.0, 0.0)


def test_no_secret_stands_in_a_command_line(tools: Tools, tmp_path: Path) -> None:
    for _ in range(2):
        BrowserCertificates(tmp_path, "laptop", None)(identity())
    words = " ".join(word for command in tools.commands for word in command)
    assert len(set(tools.passwords)) == 2
    for data, password in zip(tools.imported, tools.passwords, strict=True):
        assert len(password) > 30
        assert password not in words
        assert pkcs12.load_pkcs12(data, password.encode()).key is not None
    assert tools.modes == {0o700}


def test_nothing_of_it_stays_behind(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    NssDatabase(tmp_path).put("laptop", identity())
    assert list(scratch.iterdir()) == []


def test_a_tool_that_fails_is_an_error_that_says_so(tools: Tools, tmp_path: Path) -> None:
    tools.status = 255
    with pytest.raises(DoorwardError) as caught:
        NssDatabase(tmp_path).put("laptop", identity())
    assert caught.value.code == "nss-failed"


def test_a_missing_tool_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DoorwardError) as caught:
        NssDatabase(tmp_path).nicknames()
    assert caught.value.code == "nss-failed"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone acts for another person")
def test_root_keeps_a_persons_database_as_that_person(tmp_path: Path) -> None:
    require_tool("certutil")
    require_tool("pk12util")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        base, ca = Path(name), tmp_path / "ca.pem"
        base.chmod(0o755)
        home, folder = base / "home", base / "home" / ".pki" / "nssdb"
        home.mkdir(0o700)
        os.chown(home, SOMEBODY, SOMEBODY)
        secret = base / "of-root"
        fresh = identity()
        ca.write_bytes(create_authority("server CA", time.time()).certificate)
        BrowserCertificates(folder, "laptop", ca)(fresh)
        made = [folder.parent, folder, *folder.iterdir()]
        assert {path.stat().st_uid for path in made} == {SOMEBODY}
        assert {"laptop", CA_NICKNAME} <= set(NssDatabase(folder).nicknames())
        for path in folder.iterdir():
            path.unlink()
            path.symlink_to(secret)
        with pytest.raises(DoorwardError, match="nss-failed"):
            BrowserCertificates(folder, "laptop", None)(fresh)
        assert not secret.exists()
        roots = base / "roots"
        roots.mkdir(0o700)
        shutil.rmtree(folder)
        folder.symlink_to(roots)
        with pytest.raises(DoorwardError, match="nss-failed"):
            BrowserCertificates(folder, "laptop", None)(fresh)
        assert not list(roots.iterdir())
