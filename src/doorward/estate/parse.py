"""From the texts of an estate's files to its documents."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorward.errors import SourceError
from doorward.estate.checks import check_document
from doorward.estate.positions import Path, positions
from doorward.estate.problems import EstateError, Problems, Source
from doorward.estate.references import Declared, check_together
from doorward.estate.tables import read_struct
from doorward.model.estate import Policy
from doorward.model.snapshot import ESTATE_KINDS, KINDS, Document, Kind
from doorward.policy import parse_policies, validate

TABLE_KINDS: tuple[Kind, ...] = tuple(kind for kind in ESTATE_KINDS if kind != "policy")
"""The names that tables in estate files may have."""

_NO_LINES: Mapping[Path, int] = {(): 1}


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that a folder declares: each kind's documents by id."""

    documents: Mapping[Kind, Mapping[str, Document]]


def parse_estate(files: Mapping[str, str]) -> Estate:
    """The estate that `files` (name to text, `.toml` and `.cedar`) declare.

    Raises `EstateError` with every error found.
    """
    problems = Problems()
    declared: list[Declared] = []
    policies: list[Policy] = []
    for name in sorted(files):
        if name.endswith(".cedar"):
            policies.extend(_read_policies(name, files[name], problems))
        elif name.endswith(".toml"):
            declared.extend(_read_tables(name, files[name], problems))
        else:
            source = Source(name, (), _NO_LINES)
            problems.add(
                source,
                (),
                "unknown-file",
                "An estate holds .toml and .cedar files.",
                "Rename or remove it.",
            )
    unread = bool(problems.found)
    for item in declared:
        check_document(item.kind, item.document, item.source, problems)
    if not unread:
        check_together(declared, problems)
        _validate(policies, problems)
    if problems.found:
        raise EstateError(problems.found)
    documents: dict[Kind, dict[str, Document]] = {kind: {} for kind in ESTATE_KINDS}
    for item in declared:
        documents[item.kind][item.document.id] = item.document
    documents["policy"] = {policy.id: policy for policy in policies}
    return Estate(documents)


def _read_policies(name: str, text: str, problems: Problems) -> tuple[Policy, ...]:
    try:
        policies = parse_policies(text, name)
    except SourceError as error:
        problems.found.append(error)
        return ()
    return policies


def _validate(policies: list[Policy], problems: Problems) -> None:
    """Hold the policies of each file against the schema, then all of them together."""
    for name in sorted({policy.file for policy in policies}):
        try:
            validate(policy for policy in policies if policy.file == name)
        except SourceError as error:
            problems.found.append(error)
    if policies and not problems.found:
        try:
            validate(policies)
        except SourceError as error:
            problems.found.append(error)


def _read_tables(name: str, text: str, problems: Problems) -> list[Declared]:
    try:
        content = tomllib.loads(text)
        lines = positions(text)
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
        problems.found.append(
            SourceError("bad-toml", "This is nested too deeply.", "Flatten it.", file=name, line=1)
        )
        return []
    declared = []
    for key, entries in content.items():
        source = Source(name, (key,), lines)
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
