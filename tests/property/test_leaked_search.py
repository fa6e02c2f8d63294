"""A search in a file of leaked passwords finds what a plain set holds, and nothing else."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.adapters.leaked_passwords import LeakedPasswordFile
from doorward.errors import DoorwardError

passwords = st.text(max_size=12)
Form = Callable[[str], str]
FORMS: dict[str, tuple[str, bool, Form]] = {
    "as it is downloaded on Linux": ("\n", True, str.upper),
    "as it is downloaded on Windows": ("\r\n", True, str.upper),
    "without a last newline": ("\n", False, str.upper),
    "without a last CRLF": ("\r\n", False, str.upper),
    "in small letters": ("\n", True, str.lower),
}


REFUSED = "password-blocklist-unreadable"


def sha1(password: str) -> str:
    text = password.encode("utf-8", "surrogatepass")
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()


@contextmanager
def written(content: bytes) -> Iterator[LeakedPasswordFile]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.txt"
        path.write_bytes(content)
        yield LeakedPasswordFile(path)


def listing(
    leaked: Collection[str], form: str = "as it is downloaded on Linux", count: int = 1
) -> bytes:
    newline, closed, letters = FORMS[form]
    hashes = sorted(letters(sha1(password)) for password in set(leaked))
    lines = [f"{item}:{count * number}" for number, item in enumerate(hashes, 1)]
    return (newline.join(lines) + newline * closed).encode()


@given(
    leaked=st.sets(passwords, min_size=1, max_size=60),
    others=st.sets(passwords, max_size=20),
    form=st.sampled_from(sorted(FORMS)),
    count=st.integers(min_value=1, max_value=10**9),
)
def test_the_file_holds_what_the_set_holds(
    leaked: set[str], others: set[str], form: str, count: int
) -> None:
    with written(listing(leaked, form, count)) as file:
        assert file.problem() == ""
        for password in leaked | others:
            assert file.holds(password) == (password in leaked)


@given(
    first=st.sets(passwords, min_size=1, max_size=30),
    second=st.sets(passwords, min_size=1, max_size=30),
    asked=st.sets(passwords, max_size=10),
)
def test_two_lists_that_were_sorted_into_one_may_name_a_password_twice(
    first: set[str], second: set[str], asked: set[str]
) -> None:
    lines = listing(first).splitlines(keepends=True) + listing(second, count=7).splitlines(True)
    with written(b"".join(sorted(lines))) as file:
        assert file.problem() == ""
        for password in first | second | asked:
            assert file.holds(password) == (password in first | second)


def looked(file: LeakedPasswordFile, password: str) -> bool | str:
    """The answer, or the code of the refusal."""
    try:
        return file.holds(password)
    except DoorwardError as error:
        return error.code


@given(
    leaked=st.sets(passwords, min_size=2, max_size=40),
    asked=passwords,
    place=st.integers(min_value=0),
    put=st.sampled_from([b"", b"\n", b"x", b":", b"\x00", b"0" * 300, b"\n" * 3]),
)
def test_a_line_that_is_none_hides_no_other(
    leaked: set[str], asked: str, place: int, put: bytes
) -> None:
    """Each of the others is found, or nobody is told that it is not there."""
    whole = listing(leaked)
    at = place % len(whole)
    damaged = sorted(leaked, key=sha1)[whole.count(b"\n", 0, at)]
    with written(whole[:at] + put + whole[at + 1 :]) as file:
        for password in {*leaked, asked} - {damaged}:
            assert looked(file, password) in {password in leaked, REFUSED}


@given(st.binary(max_size=300), passwords)
def test_of_any_bytes_nothing_is_found_that_is_not_there(content: bytes, password: str) -> None:
    with written(content) as file:
        there = sha1(password).encode() in content.lower()
        assert looked(file, password) in ({True, REFUSED} if there else {REFUSED})


def test_however_many_there_are_little_is_read() -> None:
    leaked = [str(number) for number in range(100_000)]
    read: list[int] = []
    real = os.pread

    def counted(file: int, size: int, offset: int) -> bytes:
        read.append(size)
        return real(file, size, offset)

    with written(listing(leaked)) as file, patch("os.pread", counted):
        for password in ("7", "99999", "100000", "-1", ""):
            read.clear()
            assert file.holds(password) == (password in leaked)
            assert len(read) <= 25
            assert max(read) <= 128


@pytest.mark.parametrize("end", ["least", "greatest"])
def test_both_ends_are_found_and_what_lies_beyond_is_not(end: str) -> None:
    everything = sorted((str(number) for number in range(500)), key=sha1)
    inner = everything[1:-1]
    with written(listing(inner)) as file:
        first, beyond = (inner[0], everything[0]) if end == "least" else (inner[-1], everything[-1])
        assert file.holds(first)
        assert not file.holds(beyond)
