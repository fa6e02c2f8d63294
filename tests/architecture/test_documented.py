"""Whatever an operator or a program can meet by name is explained in docs/reference."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from doorward.config import ControlSettings, GatewaySettings
from doorward.entrypoints.api.problems import STATUS
from doorward.model.decision import ReasonCode, RemedyKind
from tests.architecture.source_tree import REFERENCE, SOURCE, documented, shown, strings, trees

KEBAB = re.compile(r"[a-z]+(-[a-z0-9]+)+")
REASONS = set(get_args(ReasonCode))


def error_codes() -> dict[str, str]:
    """Each code that an error can have, and a file that names it.

    A code is what is passed for a parameter called `code`, or assigned to a variable of that name.
    """
    positions = code_parameters()
    codes = dict.fromkeys(STATUS, "src/doorward/entrypoints/api/problems.py")
    for path, tree in trees(SOURCE):
        for node in ast.walk(tree):
            codes.update((word, shown(path)) for word in code_words(node, positions))
    return codes


def code_parameters() -> dict[str, int]:
    """Where each callable of the source takes a parameter called `code`."""
    found = {}
    for _, tree in trees(SOURCE):
        for node in ast.walk(tree):
            named = node.body if isinstance(node, ast.ClassDef) else [node]
            for function in named:
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    names = [argument.arg for argument in function.args.args]
                    bound = [name for name in names if name not in {"self", "cls"}]
                    if "code" in bound:
                        found[function.name] = bound.index("code")
                        found[getattr(node, "name", function.name)] = bound.index("code")
    return found


def code_words(node: ast.AST, positions: dict[str, int]) -> set[str]:
    values: list[ast.expr] = []
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rsplit(".", maxsplit=1)[-1]
        position = positions.get(called)
        if position is not None:
            values += node.args[position : position + 1]
            values += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    elif isinstance(node, ast.Assign) and "code" in map(ast.unparse, node.targets):
        values.append(node.value)
    words = {word for value in values for word in strings(value)}
    return {word for word in words if KEBAB.fullmatch(word)}


def setting_names() -> set[str]:
    return {
        field.name
        for settings in (ControlSettings, GatewaySettings)
        for field in msgspec.structs.fields(settings)
    }


def commands(
    group: TyperGroup | TyperCommand | object, name: str = "doorward"
) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(group, TyperGroup):
        for part, command in group.commands.items():
            yield from commands(command, f"{name} {part}")
    elif isinstance(group, TyperCommand):
        yield name, group


def cli_commands() -> dict[str, TyperCommand]:
    from doorward.entrypoints.cli.app import app

    return dict(commands(get_command(app)))


def test_every_reason_is_explained() -> None:
    assert_documented("reasons.md", REASONS | set(get_args(RemedyKind)))


def test_every_error_code_is_explained() -> None:
    assert_documented("errors.md", set(error_codes()))


def test_every_setting_is_explained() -> None:
    assert_documented("settings.md", setting_names())


def test_every_command_is_explained() -> None:
    assert_documented("cli.md", set(cli_commands()))


def test_every_command_says_in_its_help_what_it_does() -> None:
    silent = [name for name, command in cli_commands().items() if not (command.help or "").strip()]
    assert not silent, f"{silent}: give the command's function a docstring; Typer shows it."


@pytest.mark.parametrize("page", ["reasons.md", "errors.md"])
def test_what_is_explained_exists(page: str) -> None:
    known = set().union(*(strings(tree) for _, tree in trees(SOURCE)))
    families = tuple(text for text in known if re.fullmatch(r"[a-z]+-", text))
    names = {name for name in documented(page) if KEBAB.fullmatch(name)}
    gone = {name for name in names - known if not name.startswith(families)}
    assert not gone, f"docs/reference/{page} explains {sorted(gone)}, which no source file names."


def assert_documented(page: str, names: set[str]) -> None:
    assert (REFERENCE / page).is_file(), f"docs/reference/{page} is missing"
    assert names, f"found nothing to look up in {page}: has the source moved?"
    missing = sorted(names - documented(page))
    assert not missing, (
        f"docs/reference/{page} does not explain {missing}. Add a heading or a table row that "
        "begins with the name in backticks, and say what it means and what to do about it."
    )
