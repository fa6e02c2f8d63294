from __future__ import annotations

import ast
import re
from collections import Counter

from tests.architecture.source_tree import SOURCE, python_files, shown, trees
from tests.tools import PROJECT

BANNED_STEMS = {
    *("util", "utils", "helper", "helpers", "common", "manager", "managers"),
    *("service", "services", "misc", "core"),
}
BANNED_CLASS = re.compile(r".+(Utils?|Helpers?|Managers?)$")


def test_modules_are_named_for_what_they_do() -> None:
    files = python_files(SOURCE, PROJECT / "tests", PROJECT / "benchmarks", PROJECT / "examples")
    empty = {
        shown(path)
        for path in files
        if BANNED_STEMS & {part.removesuffix(".py") for part in path.relative_to(PROJECT).parts}
    }
    assert not empty, (
        f"{sorted(empty)}: a name like this says nothing, and everything ends up in it. "
        "Name the module for the one thing that it does (docs/glossary.md has the words)."
    )


def test_classes_are_named_for_what_they_are() -> None:
    empty = [
        f"{shown(path)}: {node.name}"
        for path, tree in trees(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and BANNED_CLASS.match(node.name)
    ]
    assert not empty, f"{empty}: say what the class is, not that it manages or helps."


def test_every_test_file_has_a_name_of_its_own() -> None:
    files = PROJECT.glob("tests/**/test_*.py")
    twice = [name for name, count in Counter(path.name for path in files).items() if count > 1]
    assert not twice, f"{twice}: two test files share a name, and a report names only one of them."
