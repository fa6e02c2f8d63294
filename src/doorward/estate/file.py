"""One file of an estate: what it declares, and what is wrong with it whatever the others say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorward.errors import SourceError
from doorward.estate.checks import check_document
from doorward.estate.positions import Lines
from doorward.estate.problems import Problems, Source
from doorward.estate.references import Declared
from doorward.estate.tables import read_struct
from doorward.model.estate import Policy
from doorward.model.snapshot import ESTATE_KINDS, KINDS, Kind
from doorward.policy import parse_policies, validate

TABLE_KINDS: tuple[Kind, ...] = tuple(kind for kind in ESTATE_KINDS if kind != "policy")
"""The names that tables in estate files may have."""


@dataclass(frozen=True, slots=True)
class EstateFile:
    """The content of one `text`; `whole` where nothing in it had to be passed over."""

    text: str
    declared: tuple[Declared, ...]
    policies: tuple[Policy, ...]
    errors: tuple[SourceError, ...]
    whole: bool


def read_file(name: str, text: str, accepted: Mapping[str, Policy]) -> EstateFile:
    """What the file declares. Policies whose text is in `accepted` are not examined again."""
    problems = Problems()
    declared: list[Declared] = []
    policies: tuple[Policy, ...] = ()
    if name.endswith(".cedar"):
        policies = _read_policies(name, text, accepted, problems)
    elif name.endswith(".toml"):
        declared = _read_tables(name, text, problems)
    else:
        problems.add(
            Source(name, (), Lines("")),
            (),
            "unknown-file",
            "An estate holds .toml and .cedar files.",
            "Rename or remove it.",
        )
    whole = not problems.found
    for item in declared:
        check_document(item.kind, item.document, item.source, problems)
    if whole:
        _validate(policies, accepted, problems)
    return EstateFile(text, tuple(declared), policies, tuple(problems.found), whole)


def _read_policies(
    name: str, text: str, accepted: Mapping[str, Policy], problems: Problems
) -> tuple[Policy, ...]:
    try:
        return parse_policies(text, name, accepted)
    except SourceError as error:
        problems.take(error)
        return ()


def _validate(
    policies: tuple[Policy, ...], accepted: Mapping[str, Policy], problems: Problems
) -> None:
    try:
        validate(policies, accepted)
    except SourceError as error:
        problems.take(error)


def _read_tables(name: str, text: str, problems: Problems) -> list[Declared]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r" \(at line (\d+), column \d+\)", str(error))
        reason = str(error).split(" (at ")[0]
        line = int(match.group(1)) if match else text.count("\n") + 1
        problems.found.append(
            SourceError(
                "bad-toml", f"This is not TOML: {reason}.", "Correct it.", file=name, line=line
            )
        )
        return []
    except RecursionError:
        problems.found.append(_too_deep(name))
        return []
    try:
        return _read_content(content, Source(name, (), Lines(text)), problems)
    except RecursionError:
        # Only what fits no field is this deep: it was to be reported, and has no line.
        problems.found[:] = [_too_deep(name)]
        return []


def _too_deep(name: str) -> SourceError:
    return SourceError("bad-toml", "This is nested too deeply.", "Flatten it.", file=name, line=1)


def _read_content(content: dict[str, Any], file: Source, problems: Problems) -> list[Declared]:
    declared = []
    for key, entries in content.items():
        source = file.below(key)
        if key not in TABLE_KINDS:
            problems.add(
                source,
                (),
                "unknown-table",
                f"`{key}` is not a kind of thing that an estate declares.",
                f"Known tables: {', '.join(f'[[{kind}]]' for kind in TABLE_KINDS)}.",
            )
        elif not isinstance(entries, list):
            problems.add(
                source, (), "wrong-type", f"`{key}` must be a list.", f"Write [[{key}]] above it."
            )
        else:
            declared.extend(_read_kind(key, entries, source, problems))
    return declared


def _read_kind(
    kind: Kind, entries: list[Any], source: Source, problems: Problems
) -> list[Declared]:
    declared = []
    for index, entry in enumerate(entries):
        at = source.below(index)
        document = read_struct(KINDS[kind], entry, at, problems)
        if document is not None:
            declared.append(Declared(kind, document, at))
    return declared
