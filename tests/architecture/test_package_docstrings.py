from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source_tree import SOURCE, python_files, shown

# Alembic runs migrations by path: a folder of scripts, not a package.
PACKAGES = sorted({p.parent for p in python_files(SOURCE) if "migrations" not in p.parts})


@pytest.mark.parametrize("package", PACKAGES, ids=shown)
def test_every_package_says_what_it_is_for(package: Path) -> None:
    init = package / "__init__.py"
    assert init.is_file(), f"{shown(package)} holds Python files and no __init__.py"
    text = ast.get_docstring(ast.parse(init.read_text("utf-8")))
    assert text, (
        f"{shown(init)} has no docstring: write one sentence on what the package is for and one "
        "on what it does not do, so that a reader knows whether to open it."
    )
