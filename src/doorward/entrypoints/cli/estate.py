"""`doorward plan` and `doorward apply`: the estate as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from doorward.entrypoints.cli.options import DEFAULT_DATA, AsJson, Data
from doorward.entrypoints.cli.output import connect, print_json, printable
from doorward.errors import DoorwardError, SourceError

Folder = Annotated[Path, typer.Argument(help="A folder of .toml and .cedar files.")]

_SIGNS = {"add": "+", "change": "~", "remove": "-"}
_NAMED = 10
_SUFFIXES = (".toml", ".cedar")


def plan(folder: Folder, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show what applying a folder would change; nothing is changed."""
    with connect(data) as api:
        planned = api.post("/estate/plan", {"files": read_folder(folder)})
    if as_json:
        print_json(planned)
    else:
        _print_steps(planned["steps"])
        _print_shut_out(planned["shut_out"])


def apply(
    folder: Folder,
    shut_out: Annotated[
        bool, typer.Option(help="Also where somebody would have no way left to sign in.")
    ] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make the estate what a folder says: all of it in one transaction, or nothing."""
    asked = {"files": read_folder(folder), "shut_out": shut_out}
    with connect(data) as api:
        applied = api.post("/estate/apply", asked)
    if as_json:
        print_json(applied)
        return
    _print_steps(applied["steps"])
    if applied["steps"]:
        effect = applied["effect"]
        state = "and enforced by every gateway" if effect["enforced"] else "not enforced yet"
        typer.echo(f"Applied as snapshot {effect['number']}, {state}.")
        _print_shut_out(applied["shut_out"], done=True)


def read_folder(folder: Path) -> dict[str, str]:
    """The estate files of `folder`, by name.

    Raises DoorwardError `estate-unreadable`, which names the file, and the line where it has one.
    """
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix in _SUFFIXES
    )
    if not paths:
        raise DoorwardError(
            "estate-unreadable",
            f"{folder} holds no .toml or .cedar file.",
            "Name the folder of your estate.",
        )
    return {_name(path.relative_to(folder)): _read(path) for path in paths}


def _name(path: Path) -> str:
    name = path.as_posix()
    shown = name.encode("utf-8", "backslashreplace").decode()
    if shown != name:
        raise DoorwardError(
            "estate-unreadable", f"The name of the file {shown} is not UTF-8.", "Rename it."
        )
    return name


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            "estate-unreadable",
            "This is not UTF-8 text.",
            "Save the file as UTF-8.",
            file=str(path),
            line=error.object.count(b"\n", 0, error.start) + 1,
        ) from None
    except OSError as error:
        raise DoorwardError(
            "estate-unreadable",
            f"{path} cannot be read: {error.strerror}.",
            "Correct its permissions.",
        ) from error


def _print_steps(steps: list[dict[str, Any]]) -> None:
    if not steps:
        typer.echo("Nothing would change: the estate is as these files say.")
    for step in steps:
        typer.echo(f"{_SIGNS[step['act']]} {step['kind']} {printable(step['id'])}")
        for item in step["differences"]:
            before, after = printable(item["before"]), printable(item["after"])
            typer.echo(f"    {item['field']}: {before} -> {after}")


def _print_shut_out(found: dict[str, Any], *, done: bool = False) -> None:
    """Whom other authenticators or providers shut out; nothing where it is nobody."""
    refused = "no longer sign in" if done else "would no longer sign in"
    none = "have no way left" if done else "would have no way left"
    sentences = (
        (found["passkeys"], f"passkeys {refused}, of: {_named(found['people'])}"),
        (len(found["no_way"]), f"people {none} to sign in: {_named(found['no_way'])}"),
        (found["ended"], "sessions ended" if done else "sessions would end"),
        (found["lowered"], "sessions lost AAL 3" if done else "sessions would lose AAL 3"),
    )
    for count, sentence in sentences:
        if count:
            typer.echo(f"! {count} {sentence}")


def _named(people: list[str]) -> str:
    more = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
    return ", ".join(map(printable, people[:_NAMED])) + more
