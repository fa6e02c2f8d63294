from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.tools import PROJECT

PAGES = [*PROJECT.glob("[A-Z]*.md"), *PROJECT.glob("docs/**/*.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")
THREATS = PROJECT / "docs" / "threat-model.md"

UNPROVEN: frozenset[str] = frozenset()
"""Threats whose mitigation no test proves. This set may only shrink."""


def anchors(page: Path) -> set[str]:
    """The fragments that a rendered page offers: one for each heading."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def functions_in(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    return {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def threats() -> dict[str, list[str]]:
    """The tests that each row of the threat model names, by the row's id."""
    rows = re.findall(
        r"^\| ([A-Z]\d+[a-z]?) \|.*\|([^|]*)\|$", THREATS.read_text("utf-8"), re.MULTILINE
    )
    names = [threat for threat, _ in rows]
    twice = sorted({threat for threat in names if names.count(threat) > 1})
    assert not twice, f"{twice}: two rows of the threat model have one id."
    return {threat: cell.split("`")[1::2] for threat, cell in rows}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert not dead, f"dead links: {dead}"


def test_every_test_that_the_threat_model_names_exists() -> None:
    gone = []
    for threat, names in threats().items():
        for name in names:
            path, _, test = name.partition("::")
            file = PROJECT / path
            if not file.is_file() or (test and test not in functions_in(file)):
                gone.append(f"{threat}: {name}")
    assert not gone, f"{gone}: the test moved or went; name the one that proves the mitigation now."


def test_every_mitigation_is_proven() -> None:
    unproven = {threat for threat, names in threats().items() if not names}
    assert unproven <= UNPROVEN, (
        f"{sorted(unproven - UNPROVEN)}: a mitigation that no test proves is a hope. Write the "
        "test, and name it as `tests/…/test_file.py::test_name` in docs/threat-model.md."
    )
    assert unproven >= UNPROVEN, f"{sorted(UNPROVEN - unproven)} are proven: take them off the list"


def test_the_decisions_are_numbered_and_listed() -> None:
    listed = re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", (PROJECT / "docs/adr/README.md").read_text())
    present = sorted(path.name for path in (PROJECT / "docs" / "adr").glob("0*.md"))
    assert listed == present
    assert [int(name[:4]) for name in present] == list(range(1, len(present) + 1))


def test_make_help_lists_every_target() -> None:
    text = (PROJECT / "Makefile").read_text("utf-8")
    phony = re.search(r"\.PHONY: ((?:.|\\\n)+?)\n\n", text)
    assert phony
    targets = set(phony[1].replace("\\\n", " ").split())
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert targets == {line.split()[0] for line in shown.stdout.splitlines()}
