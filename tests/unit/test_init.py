"""`doorward init` makes an installation whole or not at all, and keeps its secrets."""

from __future__ import annotations

import stat
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import pytest

from doorward.adapters import ca, installation, keys
from doorward.config import CONTROL_TLS_NAME, DataFolder, load_control, load_gateway
from doorward.entrypoints.cli import status
from doorward.entrypoints.cli.init import initialise, write_gateway
from doorward.entrypoints.cli.status import read_status
from doorward.entrypoints.cli.up import up
from doorward.errors import DoorwardError


def make(folder: Path, domain: str = "doorward.localhost", port: int = 9000) -> DataFolder:
    data = DataFolder(folder / "data")
    initialise(data, domain=domain, port=port, organisation='Ex"ample\\')
    return data


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


def test_everything_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert modes(data.root) == {0o600, 0o700}
    assert stat.S_IMODE(data.root.stat().st_mode) == 0o700


def test_the_settings_it_writes_are_right(tmp_path: Path) -> None:
    data = make(tmp_path)
    control, gateway = load_control(data.settings), load_gateway(data.gateway / "gateway.toml")
    assert control.organisation == 'Ex"ample\\'
    assert (control.http_port, control.https_port) == (9000, 9001)
    assert (control.web_port, control.link_port) == (9002, 9003)
    assert (gateway.id, gateway.http_port, gateway.link_port) == ("local", 9000, 9003)


def test_another_domain_has_no_plain_listener(tmp_path: Path) -> None:
    data = make(tmp_path, domain="access.example.org")
    assert load_control(data.settings).http_port == 0
    assert load_gateway(data.gateway / "gateway.toml").http_port == 0


def test_it_never_overwrites(tmp_path: Path) -> None:
    data = make(tmp_path)
    before = (data.keys / "snapshot.key").read_bytes()
    with pytest.raises(DoorwardError) as caught:
        make(tmp_path)
    assert caught.value.code == "file-exists"
    assert (data.keys / "snapshot.key").read_bytes() == before


@pytest.mark.parametrize(("domain", "port"), [("nodots", 9000), ("a.localhost", 65_534)])
def test_a_wrong_wish_leaves_nothing_behind(tmp_path: Path, domain: str, port: int) -> None:
    with pytest.raises(DoorwardError):
        make(tmp_path, domain=domain, port=port)
    assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())


def test_the_gateways_folder_holds_no_key_of_the_control_plane(tmp_path: Path) -> None:
    data = make(tmp_path)
    secret = {path.read_bytes() for path in data.keys.glob("*.key")}
    assert secret.isdisjoint(
        path.read_bytes() for path in data.gateway.rglob("*") if path.is_file()
    )


def test_another_gateway_has_its_own_certificate_and_name(tmp_path: Path) -> None:
    data = make(tmp_path)
    out = tmp_path / "edge"
    write_gateway(data.keys, "edge-1", load_control(data.settings), out)
    assert tomllib.loads((out / "gateway.toml").read_text())["id"] == "edge-1"
    assert (out / "gateway.key").read_bytes() != (data.gateway / "gateway.key").read_bytes()
    with pytest.raises(DoorwardError) as caught:
        write_gateway(data.keys, "edge-2", load_control(data.settings), out)
    assert caught.value.code == "file-exists"


def test_certificates_are_renewed_only_when_they_end_soon(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = 1_790_000_000.0
    installation.create_keys(folder, "doorward.localhost", CONTROL_TLS_NAME, made)
    before = (folder / "web.pem").read_bytes()
    installation.renew_certificates(folder, CONTROL_TLS_NAME, made + 86_400)
    assert (folder / "web.pem").read_bytes() == before
    later = made + (ca.LEAF_DAYS - 1) * 86_400
    installation.renew_certificates(folder, CONTROL_TLS_NAME, later)
    assert (folder / "web.pem").read_bytes() != before
    assert not ca.needs_renewal((folder / "web.pem").read_bytes(), later)
    assert modes(folder) == {0o600}


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    keys.write_secret(path, b"secret")
    path.chmod(0o640)
    with pytest.raises(DoorwardError) as caught:
        keys.read_secret(path)
    assert caught.value.code == "key-exposed"
    assert "secret" not in str(caught.value).removeprefix("key-exposed")


def with_list(folder: Path, text: str | None) -> tuple[DataFolder, str]:
    """An installation whose list of leaked passwords holds this, or is not there."""
    data, leaked = make(folder), folder / "leaked.txt"
    if text is not None:
        leaked.write_text(text)
    with data.settings.open("a") as settings:
        settings.write(f'password_blocklist = "{leaked}"\n')
    return data, str(leaked)


LISTS_THAT_ARE_NONE = pytest.mark.parametrize("text", ["123456\n", None], ids=["other", "gone"])


@LISTS_THAT_ARE_NONE
def test_a_list_of_leaked_passwords_that_is_none_is_told_before_anything_starts(
    tmp_path: Path, text: str | None
) -> None:
    data, leaked = with_list(tmp_path, text)
    with pytest.raises(DoorwardError, match="password-blocklist-invalid") as refused:
        up(data.root)
    assert leaked in refused.value.detail
    assert "password_blocklist" in (refused.value.remedy or "")
    assert not data.logs.exists()


@LISTS_THAT_ARE_NONE
def test_the_status_says_why_control_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    def nobody(_: Path) -> NoReturn:
        raise DoorwardError("control-unreachable", "Nothing answers.")

    data, leaked = with_list(tmp_path, text)
    monkeypatch.setattr(status, "connect", nobody)
    found = read_status(data.root)
    assert not found["ok"]
    assert [leaked in problem for problem in found["problems"]] == [False, True]


@LISTS_THAT_ARE_NONE
def test_a_list_that_is_lost_hides_nothing_of_a_control_plane_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    data, _ = with_list(tmp_path, text)
    health = {"ok": False, "problems": ["no password can be set"], "gateways": [{"id": "local"}]}
    answers = {"/status": health, "/resources": [{"host": "payroll"}]}
    monkeypatch.setattr(status, "connect", lambda _: nullcontext(answers))
    found = read_status(data.root)
    assert (found["problems"], found["gateways"]) == (health["problems"], health["gateways"])
    assert "payroll" in found["addresses"]
