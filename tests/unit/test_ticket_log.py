"""Cutting Envoy's log: nothing is lost between the rename and the reopening."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorward.adapters.ticket_log import LIVE, TicketLog
from doorward.errors import DoorwardError


class Envoy:
    """Writes to the file it has open, and opens its log again when told."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LIVE
        self.reachable = True
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._file = self._path.open("ab", buffering=0)

    def log(self, line: bytes) -> None:
        self._file.write(line + b"\n")

    async def reopen(self) -> None:
        if not self.reachable:
            raise DoorwardError("envoy-unreachable", "It is not there.")
        self._file.close()
        self._file = self._path.open("ab", buffering=0)

    def close(self) -> None:
        self._file.close()


def drain(log: TicketLog) -> list[bytes]:
    lines: list[bytes] = []
    while (batch := log.reader.read(100)) is not None:
        lines += batch.lines
    return lines


async def test_what_was_cut_is_shipped_and_the_rest_waits(tmp_path: Path) -> None:
    envoy = Envoy(tmp_path)
    log = TicketLog(tmp_path, envoy.reopen)
    envoy.log(b"1")
    assert drain(log) == []
    await log.cut()
    envoy.log(b"2")
    assert drain(log) == [b"1"]
    await log.cut()
    await log.cut()
    assert drain(log) == [b"2"]
    envoy.close()


async def test_envoy_that_does_not_reopen_keeps_writing_to_the_same_segment(
    tmp_path: Path,
) -> None:
    envoy = Envoy(tmp_path)
    log = TicketLog(tmp_path, envoy.reopen)
    envoy.log(b"1")
    envoy.reachable = False
    with pytest.raises(DoorwardError):
        await log.cut()
    assert drain(log) == [b"1"]
    envoy.log(b"2")
    with pytest.raises(DoorwardError):
        await log.cut()
    assert drain(log) == [b"2"]
    envoy.reachable = True
    await log.cut()
    envoy.log(b"3")
    await log.cut()
    assert drain(log) == [b"3"]
    envoy.close()


async def test_what_a_killed_process_left_is_shipped_by_the_next(tmp_path: Path) -> None:
    envoy = Envoy(tmp_path)
    first = TicketLog(tmp_path, envoy.reopen)
    envoy.log(b"1")
    await first.cut()
    envoy.log(b"2")
    second = TicketLog(tmp_path, envoy.reopen)
    await second.cut()
    assert drain(second) == [b"1", b"2"]
    envoy.close()
