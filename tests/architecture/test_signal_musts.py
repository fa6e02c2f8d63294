"""Every demand on a receiver of signals names a test that is there."""

from __future__ import annotations

import re

from tests.architecture.source_tree import REFERENCE
from tests.architecture.test_docs import functions_in
from tests.tools import PROJECT

PAGE = REFERENCE / "shared-signals-receiver.md"
ROW = re.compile(
    r"^\| ((?:RFC|SSF|CAEP) [^|]+) \| [^|]+ \| `(tests/[^`:]+)::([^`]+)` \|$", re.MULTILINE
)


def test_every_demand_names_a_test_that_exists() -> None:
    text = PAGE.read_text("utf-8")
    rows = ROW.findall(text)
    demands = text.partition("## What the specifications demand")[2].count("\n| ") - 1
    assert len(rows) == demands, "a row of the table names no test, or not in the one form"
    gone = [f"{path}::{name}" for _, path, name in rows if name not in functions_in(PROJECT / path)]
    assert not gone, f"{gone}: name the test that proves the demand now"


def test_each_specification_has_its_demands() -> None:
    named = " ".join(specification for specification, _, _ in ROW.findall(PAGE.read_text("utf-8")))
    assert {"RFC 8417", "RFC 8935", "RFC 8936", "RFC 9493"} <= set(re.findall(r"RFC \d+", named))
    assert "SSF 1.0" in named
