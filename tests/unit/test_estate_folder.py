"""What the command line reads from a folder, and what it says where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from doorward.entrypoints.cli.estate import read_folder
from doorward.entrypoints.explained import describe
from doorward.errors import DoorwardError, SourceError

GOOD = '[[group]]\nid = "staff"\n'


def refused(folder: Path) -> DoorwardError:
    with pytest.raises(DoorwardError) as caught:
        read_folder(folder)
    assert caught.value.code == "estate-unreadable"
    return caught.value


def test_files_are_named_as_they_lie_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "groups.toml").write_text(GOOD, "utf-8")
    (tmp_path / "policies" / "p.cedar").write_text("// ü", "utf-8")
    (tmp_path / "notes.md").write_bytes(b"\xff")
    assert read_folder(tmp_path) == {"groups.toml": GOOD, "policies/p.cedar": "// ü"}


@pytest.mark.parametrize("name", ["people.toml", "policies/p.cedar"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff\xfe", 1),
        ("// one\n// zwölf\n".encode("latin-1"), 2),
        (b"# a line\n" * 5000 + b"# cut in the middle of a letter \xc3", 5001),
    ],
    ids=["utf-16", "latin-1", "cut"],
)
def test_a_file_that_is_not_utf8_is_named_with_its_line(
    tmp_path: Path, name: str, content: bytes, line: int
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "groups.toml").write_text(GOOD, "utf-8")
    broken = tmp_path / name
    broken.write_bytes(content)
    error = refused(tmp_path)
    assert isinstance(error, SourceError)
    assert (error.file, error.line) == (str(broken), line)
    assert describe(error) == f"{broken}:{line}: This is not UTF-8 text. Save the file as UTF-8."


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xfcro.toml")).write_text(GOOD, "utf-8")
    assert refused(tmp_path).detail == r"The name of the file b\udcfcro.toml is not UTF-8."


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def may_not(path: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    file = tmp_path / "people.toml"
    file.write_text(GOOD, "utf-8")
    monkeypatch.setattr(Path, "read_text", may_not)
    assert refused(tmp_path).detail == f"{file} cannot be read: Permission denied."
