"""Whether a password is on a list of leaked ones, by a file that nobody loads.

The form is that of Have I Been Pwned: lines `HASH:COUNT` in the order of their hashes, where HASH
is the hex SHA-1 of a password in UTF-8. The file has tens of GiB. A look takes some forty reads of
less than a hundred bytes each, whatever its size.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from doorward.errors import DoorwardError

_log = structlog.get_logger(__name__)

_LINE = re.compile(rb"([0-9A-Fa-f]{40}):[0-9]{1,12}\r?")
_LONGEST_LINE = 64
_SAMPLES = 64
_LOWEST, _HIGHEST = b"", b"G"
"""Before and after every hash in capitals."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file: `end` is where the next one begins."""

    start: int
    end: int
    hash: bytes


class LeakedPasswordFile:
    """Port `LeakedPasswords` on a file, which is opened for each look: it may be replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, password: str) -> bool:
        try:
            with _opened(self._path) as (file, size):
                return _found(file, size, _hash(password))
        except (OSError, ValueError) as error:
            # Where in the file that was tells how the hash begins: it goes into no log.
            what = error.strerror if isinstance(error, OSError) else "malformed"
            _log.error("password-blocklist-unreadable", path=str(self._path), why=what)
            raise DoorwardError(
                "password-blocklist-unreadable",
                "New passwords cannot be checked at this moment, so none can be set.",
                "Use a passkey, or tell the people who run doorward.",
            ) from None

    def problem(self) -> str:
        try:
            with _opened(self._path) as (file, size):
                _sample(file, size)
        except OSError as error:
            return f"the list of leaked passwords {self._path}: {error.strerror}"
        except ValueError as error:
            return f"the list of leaked passwords {self._path}: {error}"
        return ""


class NoLeakedPasswords:
    """Port `LeakedPasswords` where no list is set."""

    def holds(self, password: str) -> bool:
        del password
        return False

    def problem(self) -> str:
        return ""


def leaked_passwords(path: str) -> LeakedPasswordFile | NoLeakedPasswords:
    """By the file at `path`, none where that is empty. Raises `password-blocklist-invalid`."""
    if not path:
        return NoLeakedPasswords()
    found = LeakedPasswordFile(Path(path))
    if problem := found.problem():
        raise DoorwardError(
            "password-blocklist-invalid",
            f"{problem[0].upper()}{problem[1:]}.",
            "Set password_blocklist to a file of lines HASH:COUNT in the order of their hashes, "
            "or leave it out.",
        )
    return found


def _hash(password: str) -> bytes:
    """In capitals, as the file has it."""
    text = password.encode("utf-8", "surrogatepass")
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().upper().encode()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """Its descriptor and size. Raises OSError, and ValueError where it holds nothing."""
    # Without O_NONBLOCK a named pipe would keep whoever opens it waiting for ever.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        if not found.st_size:
            raise ValueError("it is empty")
        yield file, found.st_size
    finally:
        os.close(file)


def _found(file: int, size: int, wanted: bytes) -> bool:
    """Whether a line of the hash `wanted`, in capitals, is there. Raises OSError and ValueError.

    What is left is the lines from `low` on and before `high`, whose hashes lie from `least` to
    `most`: one that does not shows that the file is not in order. Lists that were sorted into one
    may name a hash twice.
    """
    low, high, least, most = 0, size, _LOWEST, _HIGHEST
    while low < high:
        line = _line_at(file, size, (low + high) // 2)
        if not least <= line.hash <= most:
            raise ValueError(f"the line at byte {line.start} is out of order")
        if line.hash == wanted:
            return True
        if line.hash < wanted:
            low, least = line.end, line.hash
        else:
            high, most = line.start, line.hash
    return False


def _sample(file: int, size: int) -> None:
    """Raises OSError and ValueError where one of a few lines is malformed or out of order."""
    before = _line_at(file, size, 0)
    for number in range(1, _SAMPLES + 1):
        line = _line_at(file, size, (size - 1) * number // _SAMPLES)
        if line.hash < before.hash:
            raise ValueError(f"the line at byte {line.start} is out of order")
        before = line


def _line_at(file: int, size: int, position: int) -> _Line:
    """The line that byte `position` belongs to; its newline belongs to it.

    Raises OSError, and ValueError where that is not a line of this form.
    """
    begin = max(0, position - _LONGEST_LINE)
    chunk = os.pread(file, 2 * _LONGEST_LINE, begin)
    here = position - begin
    start = chunk.rfind(b"\n", 0, here) + 1
    newline = chunk.find(b"\n", here)
    end = len(chunk) if newline < 0 else newline
    whole = (start or not begin) and (newline >= 0 or begin + len(chunk) >= size)
    read = _LINE.fullmatch(chunk, start, end) if whole else None
    if read is None:
        raise ValueError(f"what stands at byte {begin + start} is not HASH:COUNT")
    return _Line(begin + start, begin + end + (newline >= 0), read[1].upper())
