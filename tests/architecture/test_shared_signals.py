"""Each MUST of the Shared Signals specifications names a test that is there.

And the receiver that the tests believe shares no code with doorward: else it would share its
mistakes.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source_tree import REFERENCE
from tests.architecture.test_docs import functions_in
from tests.tools import PROJECT

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| `(tests/[^`]+)` \|$", re.MULTILINE)
SPECIFICATIONS = ("SSF 1.0", "RFC 8417", "RFC 8935", "RFC 8936", "RFC 9493", "CAEP 1.0", "RISC 1.0")
ROWS = ROW.findall((REFERENCE / "shared-signals.md").read_text("utf-8"))


@pytest.mark.parametrize("specification", SPECIFICATIONS)
def test_every_specification_has_its_rows(specification: str) -> None:
    assert any(row[0] == specification for row in ROWS)


def test_every_must_names_a_test_that_exists() -> None:
    gone = []
    for specification, section, _, name in ROWS:
        path, _, test = name.partition("::")
        file = PROJECT / path
        if not file.is_file() or test not in functions_in(file):
            gone.append(f"{specification}, {section}: {name}")
    assert not gone, f"{gone}: name the test that holds it now."


def test_no_row_of_the_table_is_passed_over() -> None:
    text = (REFERENCE / "shared-signals.md").read_text("utf-8")
    table = text[text.index("| specification | section |") :].splitlines()[2:]
    rows = [line for line in table if line.startswith("| ")]
    assert len(rows) == len(ROWS)
    assert len(rows) > 60, "the table has moved"


def test_the_receiver_of_the_tests_shares_no_code_with_doorward() -> None:
    tree = ast.parse((PROJECT / "tests/fakes/signals_receiver.py").read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"doorward", "joserfc", "msgspec", "httpx", "tests"}, imported
    assert "cryptography" in imported
