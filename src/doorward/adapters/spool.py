"""The decision log on its way to control: appended here first, shipped and then forgotten.

A spool is a folder of numbered segments, one JSON object a line. `SpoolWriter` appends to a
segment of its own and never to one that an earlier process left; `SpoolReader` reads all of them
in order, from where control acknowledged. A line counts once its line break is written: what a
killed process left incomplete was never answered, and is skipped.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from doorward.errors import DoorwardError

_SUFFIX = ".jsonl"
_ACKNOWLEDGED = "acknowledged"
_BATCH_BYTES = 512 * 1024


def _unavailable(cause: str) -> DoorwardError:
    return DoorwardError(
        "log-unavailable",
        f"The decision log cannot be written: {cause}.",
        "Free space on the gateway's disk, or make its spool folder writable.",
    )


def segment_path(folder: Path, number: int) -> Path:
    """Where segment `number` is."""
    return folder / f"{number:010d}{_SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """The numbers of the segments in `folder`, ascending."""
    stems = (path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def next_segment(folder: Path) -> int:
    """A number above every segment that is there or was acknowledged."""
    return max([0, *segment_numbers(folder), _acknowledged(folder).number]) + 1


class SpoolWriter:
    """Appends lines; each is with the kernel when `append` returns, so kill -9 does not lose it."""

    def __init__(
        self,
        folder: Path,
        *,
        min_free_bytes: int = 64 * 1024 * 1024,
        max_segment_bytes: int = 8 * 1024 * 1024,
        max_pending_bytes: int = 1024 * 1024 * 1024,
    ) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._max_segment_bytes = max_segment_bytes
        self._max_pending_bytes = max_pending_bytes
        self._fd = -1
        self._size = 0
        self._unsynced = False
        self.trouble = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._next = next_segment(folder)
        self.tend()

    def append(self, line: bytes) -> None:
        """Append `line`, which ends in a line break. Raises DoorwardError `log-unavailable`."""
        if self.trouble:
            raise _unavailable(self.trouble)
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            self._fail(error)
            raise _unavailable(self.trouble) from error
        self._size += written
        if written != len(line):
            self._fail(OSError(0, "the disk is full"))
            raise _unavailable(self.trouble)
        self._unsynced = True

    def tend(self, pending_bytes: int = 0) -> bool:
        """Look at the space, start a new segment where one is due; once a second.

        `pending_bytes` is what control does not have yet. Whether the spool can be written
        afterwards; `trouble` says why not.
        """
        try:
            free = os.statvfs(self._folder)
            if free.f_bavail * free.f_frsize < self._min_free_bytes:
                self.trouble = "the disk is almost full"
                return False
            if pending_bytes > self._max_pending_bytes:
                self.trouble = "control has taken too little of it for too long"
                return False
            if self._fd < 0 or self._size >= self._max_segment_bytes or self._gone():
                self._open()
            if self.trouble:
                os.write(self._fd, b"\n")
                self.trouble = ""
        except OSError as error:
            self._fail(error)
        return not self.trouble

    async def sync(self) -> None:
        """Have the disk keep what was appended; once a second. A slow disk holds up nobody."""
        if not self._unsynced or self._fd < 0:
            return
        self._unsynced = False
        copy = os.dup(self._fd)
        try:
            await asyncio.to_thread(os.fdatasync, copy)
        except OSError as error:
            self._fail(error)
        finally:
            os.close(copy)

    def close(self) -> None:
        """Sync and close; nothing can be appended afterwards."""
        if self._fd >= 0:
            os.fdatasync(self._fd)
            os.close(self._fd)
            self._fd = -1
        self.trouble = "closed"

    def _gone(self) -> bool:
        return os.fstat(self._fd).st_nlink == 0

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(segment_path(self._folder, self._next), flags, 0o600)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size = fd, 0
        self._next += 1

    def _fail(self, error: OSError) -> None:
        """After a failure the segment may end in half a line: the next line goes to a new one."""
        self.trouble = (error.strerror or "unknown error").lower()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a spool: bytes into segment `number`."""

    number: int
    offset: int

    def __str__(self) -> str:
        return f"{self.number}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError."""
        number, _, offset = text.partition(":")
        return cls(int(number), int(offset))


@dataclass(frozen=True, slots=True)
class Batch:
    """Complete lines without their line breaks, and the position after the last of them."""

    lines: tuple[bytes, ...]
    position: Position


class SpoolReader:
    """Reads the segments of a folder in order, and removes those that control has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._acknowledged = _acknowledged(folder)
        self._at = self._acknowledged

    @property
    def acknowledged(self) -> Position:
        """Control holds everything before it."""
        return self._acknowledged

    def end(self) -> Position:
        """After the last byte that is there now. Raises OSError."""
        for number in reversed(segment_numbers(self._folder)):
            size = segment_path(self._folder, number).stat().st_size
            if size:
                return max(Position(number, size), self._acknowledged)
        return self._acknowledged

    def rewind(self) -> None:
        """Read again from where control acknowledged: after the link broke."""
        self._at = self._acknowledged

    def read(self, max_lines: int) -> Batch | None:
        """The next lines, None where there are none yet. Raises OSError."""
        while True:
            path = segment_path(self._folder, self._at.number)
            complete = self.is_complete(self._at.number)
            lines, size = _complete_lines(path, self._at.offset, max_lines)
            if lines:
                self._at = Position(self._at.number, self._at.offset + size)
                return Batch(tuple(line for line in lines if line), self._at)
            if not complete:
                return None
            self._at = Position(self._following(self._at.number), 0)

    def acknowledge(self, position: Position) -> None:
        """Control holds everything before `position`. Raises OSError."""
        if position <= self._acknowledged:
            return
        temporary = self._folder / f"{_ACKNOWLEDGED}.new"
        temporary.write_text(str(position))
        temporary.replace(self._folder / _ACKNOWLEDGED)
        self._acknowledged = position
        self._at = max(self._at, position)
        for number in segment_numbers(self._folder):
            if number < position.number:
                segment_path(self._folder, number).unlink(missing_ok=True)

    def pending_bytes(self) -> int:
        """Bytes that control does not have yet."""
        total = 0
        for number in segment_numbers(self._folder):
            if number >= self._acknowledged.number:
                total += segment_path(self._folder, number).stat().st_size
                if number == self._acknowledged.number:
                    total -= self._acknowledged.offset
        return total

    def is_complete(self, number: int) -> bool:
        """Whether nothing can be appended to segment `number` any more."""
        return any(other > number for other in segment_numbers(self._folder))

    def _following(self, number: int) -> int:
        return min(other for other in segment_numbers(self._folder) if other > number)


def _complete_lines(path: Path, offset: int, max_lines: int) -> tuple[list[bytes], int]:
    try:
        with path.open("rb") as segment:
            segment.seek(offset)
            data = segment.read(_BATCH_BYTES)
    except FileNotFoundError:
        return [], 0
    lines = data.split(b"\n")
    del lines[-1]
    del lines[max_lines:]
    return lines, sum(len(line) + 1 for line in lines)


def _acknowledged(folder: Path) -> Position:
    try:
        return Position.parse((folder / _ACKNOWLEDGED).read_text())
    except (OSError, ValueError):
        return Position(0, 0)
