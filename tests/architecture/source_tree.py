"""The project's own files, as the architecture tests see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.tools import PROJECT

SOURCE = PROJECT / "src" / "doorward"
REFERENCE = PROJECT / "docs" / "reference"


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def shown(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def trees(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in python_files(*folders):
        yield path, ast.parse(path.read_text("utf-8"))


def strings(tree: ast.AST) -> set[str]:
    """Every string constant below `tree`."""
    nodes = ast.walk(tree)
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def documented(page: str) -> set[str]:
    """The names that a reference page explains: its headings and first table cells in backticks."""
    text = (REFERENCE / page).read_text("utf-8")
    names = set()
    for line in text.splitlines():
        if line.startswith(("#", "|")):
            cell = line.strip("|").split("|")[0] if line.startswith("|") else line
            names.update(cell.split("`")[1::2])
    return names
