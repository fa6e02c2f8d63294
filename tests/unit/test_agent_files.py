from __future__ import annotations

import os
from pathlib import Path

import pytest

from doorward.agent.files import read_bytes, write_atomically
from doorward.errors import DoorwardError


def test_a_file_is_replaced_at_once_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_atomically(path, b"first")
    with path.open("rb") as reader:
        write_atomically(path, b"second", 0o644)
        assert reader.read() == b"first"
    assert read_bytes(path) == b"second"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["state"]  # noqa: PTH208


def test_a_write_that_fails_leaves_the_former_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    write_atomically(path, b"first")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DoorwardError) as caught:
        write_atomically(path, b"second")
    assert caught.value.code == "agent-state-unusable"
    assert read_bytes(path) == b"first"
    assert [item.name for item in tmp_path.iterdir()] == ["state"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_who_owns_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 2345)
    path = tmp_path / "key.pem"
    write_atomically(path, b"key")
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 2345, 0o600)


def test_a_missing_file_is_none_and_an_unreadable_one_an_error(tmp_path: Path) -> None:
    assert read_bytes(tmp_path / "none") is None
    with pytest.raises(DoorwardError) as caught:
        read_bytes(tmp_path)
    assert caught.value.code == "agent-state-unusable"
