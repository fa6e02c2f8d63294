from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from tests.architecture.source_tree import SOURCE, python_files, shown
from tests.tools import PROJECT

CEILING = 500
TEST_CEILING = 800
MEDIAN = 150


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


@pytest.mark.parametrize(
    ("folder", "ceiling"),
    [
        (SOURCE, CEILING),
        (PROJECT / "tests", TEST_CEILING),
        (PROJECT / "benchmarks", CEILING),
        (PROJECT / "examples", CEILING),
    ],
    ids=["src", "tests", "benchmarks", "examples"],
)
def test_no_file_is_longer_than_its_ceiling(folder: Path, ceiling: int) -> None:
    long = {shown(path): lines(path) for path in python_files(folder) if lines(path) > ceiling}
    assert not long, (
        f"Longer than {ceiling} lines: {long}. A file this long holds more than one thing: "
        "find the sentence that describes each part, and give each its own file."
    )


def test_half_of_the_source_files_are_short() -> None:
    typical = median(lines(path) for path in python_files(SOURCE) if path.stat().st_size)
    assert typical <= MEDIAN, (
        f"The median source file has {typical:.0f} lines, over {MEDIAN}. Files have grown by "
        "additions: look at the recent ones and split what does not change together."
    )
