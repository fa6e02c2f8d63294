"""Kill -9 at any byte: every line that was whole is shipped, in order, and nothing else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from doorward.adapters.spool import SpoolReader, SpoolWriter

LINE = st.binary(min_size=1, max_size=12).map(lambda line: line.replace(b"\n", b"-"))


@given(st.lists(st.tuples(st.lists(LINE, max_size=6), st.integers(0, 12)), max_size=4))
def test_any_number_of_kills(lives: list[tuple[list[bytes], int]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        expected: list[bytes] = []
        for lines, cut in lives:
            writer = SpoolWriter(folder, min_free_bytes=0)
            for line in lines:
                writer.append(line + b"\n")
            writer.close()
            segment = max(folder.glob("*.jsonl"))
            whole = segment.read_bytes()
            kept = whole[: max(0, len(whole) - cut)]
            segment.write_bytes(kept)
            expected += kept.split(b"\n")[:-1]
        reader = SpoolReader(folder)
        shipped: list[bytes] = []
        while (batch := reader.read(3)) is not None:
            shipped += batch.lines
            reader.acknowledge(batch.position)
        assert shipped == expected
        assert SpoolReader(folder).read(3) is None
