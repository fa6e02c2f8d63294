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
from doorward.model.decision import ReasonCode, RemedyKind
from tests.architecture.source_tree import REFERENCE, SOURCE, documented, shown, strings, trees

KEBAB = re.compile(r"[a-z]+(-[a-z0-9]+)+")
REASONS = set(get_args(ReasonCode))
ERRORS = {"DoorwardError", "SourceError"}


def error_codes() -> dict[str, str]:
    """Each code that the source gives to an error, and a file that does.

    Where a file computes the code, every kebab-case word in it counts as one.
    """
    codes: dict[str, str] = {}
    for path, tree in trees(SOURCE):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in ERRORS:
                computed = not isinstance(node.args[0], ast.Constant)
                words = strings(tree) if computed else strings(node.args[0])
                codes.update(
                    (word, shown(path))
                    for word in words
                    if not computed or (KEBAB.fullmatch(word) and word not in REASONS)
                )
    return codes


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
    gone = {name for name in documented(page) if KEBAB.fullmatch(name)} - known
    assert not gone, f"docs/reference/{page} explains {sorted(gone)}, which no source file names."


def test_error_codes_are_kebab_case() -> None:
    odd = {code: file for code, file in error_codes().items() if not KEBAB.fullmatch(code)}
    assert not odd, f"{odd}: codes are kebab-case words, such as `store-read-only`."


def assert_documented(page: str, names: set[str]) -> None:
    assert (REFERENCE / page).is_file(), f"docs/reference/{page} is missing"
    assert names, f"found nothing to look up in {page}: has the source moved?"
    missing = sorted(names - documented(page))
    assert not missing, (
        f"docs/reference/{page} does not explain {missing}. Add a heading or a table row that "
        "begins with the name in backticks, and say what it means and what to do about it."
    )
