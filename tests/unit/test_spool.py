"""The spool: what is appended is shipped in order, once acknowledged it is gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from doorward.adapters.spool import Position, SpoolReader, SpoolWriter, segment_numbers
from doorward.errors import DoorwardError


def writer(folder: Path, **other: int) -> SpoolWriter:
    return SpoolWriter(folder, **({"min_free_bytes": 0} | other))


def drain(reader: SpoolReader) -> list[bytes]:
    lines: list[bytes] = []
    while (batch := reader.read(2)) is not None:
        lines += batch.lines
    return lines


def test_lines_come_out_in_order_in_batches(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    for number in range(5):
        spool.append(b"%d\n" % number)
    reader = SpoolReader(tmp_path)
    first = reader.read(2)
    assert first is not None
    assert first.lines == (b"0", b"1")
    assert drain(reader) == [b"2", b"3", b"4"]
    spool.append(b"5\n")
    assert drain(reader) == [b"5"]
    spool.close()


def test_an_earlier_process_segment_is_never_continued(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append(b"whole\n")
    os.write(first._fd, b"half of a li")  # killed here
    second = writer(tmp_path)
    second.append(b"next\n")
    assert drain(SpoolReader(tmp_path)) == [b"whole", b"next"]
    assert len(segment_numbers(tmp_path)) == 2
    first.close()
    second.close()


def test_shipping_starts_from_what_was_acknowledged(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    for number in range(4):
        spool.append(b"%d\n" % number)
    reader = SpoolReader(tmp_path)
    batch = reader.read(2)
    assert batch is not None
    reader.acknowledge(batch.position)
    drain(reader)
    reader.rewind()
    assert drain(reader) == [b"2", b"3"]
    assert drain(SpoolReader(tmp_path)) == [b"2", b"3"]
    assert reader.pending_bytes() == 4
    spool.close()


def test_acknowledged_segments_are_removed(tmp_path: Path) -> None:
    spool = writer(tmp_path, max_segment_bytes=4)
    for number in range(4):
        spool.append(b"%d\n" % number)
        spool.tend()
    assert len(segment_numbers(tmp_path)) > 2
    reader = SpoolReader(tmp_path)
    last = None
    while (batch := reader.read(1)) is not None:
        last = batch.position
    assert last is not None
    reader.acknowledge(last)
    reader.acknowledge(Position(1, 0))
    assert segment_numbers(tmp_path)[0] == last.number
    spool.append(b"9\n")
    assert drain(SpoolReader(tmp_path))[-1] == b"9"
    spool.close()


def test_a_new_writer_never_reuses_an_acknowledged_number(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    spool.append(b"a\n")
    SpoolReader(tmp_path).acknowledge(Position(7, 0))
    spool.close()
    again = writer(tmp_path)
    assert segment_numbers(tmp_path) == [8]
    again.close()


def test_no_free_space_refuses(tmp_path: Path) -> None:
    spool = writer(tmp_path, min_free_bytes=2**62)
    with pytest.raises(DoorwardError, match="almost full") as caught:
        spool.append(b"a\n")
    assert caught.value.code == "log-unavailable"
    spool.close()


def test_too_much_that_control_lacks_refuses_until_it_has_taken_it(tmp_path: Path) -> None:
    spool = writer(tmp_path, max_pending_bytes=100)
    assert not spool.tend(101)
    with pytest.raises(DoorwardError):
        spool.append(b"a\n")
    assert spool.tend(99)
    spool.append(b"a\n")
    spool.close()


def test_after_a_failed_write_the_next_line_goes_to_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = writer(tmp_path)
    spool.append(b"a\n")
    real = os.write

    def half(fd: int, data: bytes) -> int:
        return real(fd, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(DoorwardError, match="full"):
        spool.append(b"never answered\n")
    monkeypatch.setattr(os, "write", real)
    with pytest.raises(DoorwardError):
        spool.append(b"not yet\n")
    assert spool.tend()
    spool.append(b"b\n")
    assert drain(SpoolReader(tmp_path)) == [b"a", b"b"]
    spool.close()


def test_an_unreadable_note_of_what_was_acknowledged_ships_all_again(tmp_path: Path) -> None:
    spool = writer(tmp_path)
    spool.append(b"a\n")
    (tmp_path / "acknowledged").write_text("what?")
    assert drain(SpoolReader(tmp_path)) == [b"a"]
    spool.close()


async def test_a_disk_that_fails_to_keep_the_log_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = writer(tmp_path)
    spool.append(b"a\n")
    await spool.sync()
    spool.append(b"b\n")

    def broken(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        await spool.sync()
    with pytest.raises(DoorwardError, match="input/output error"):
        spool.append(b"c\n")
    assert spool.tend()
    spool.append(b"c\n")
    assert drain(SpoolReader(tmp_path)) == [b"a", b"b", b"c"]
    spool.close()
