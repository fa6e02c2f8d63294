"""From a TOML table to a struct of the model, with an error for every key that does not fit."""

from __future__ import annotations

import difflib
import typing
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import msgspec

from doorward.estate.problems import Problems, Source

MAX_TEXT_LENGTH = 2000

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class _Field:
    """`element` is the type of the structs that the field is a tuple of, if it is one."""

    kind: object
    required: bool
    element: type[msgspec.Struct] | None


def read_struct(kind: type[S], table: object, source: Source, problems: Problems) -> S | None:
    """The struct that `table` describes, or None where `problems` got something to say of it."""
    if not isinstance(table, dict):
        problems.add(
            source, (), "wrong-type", "This must be a table.", "Write it as keys and values."
        )
        return None
    before = len(problems.found)
    fields = _fields(kind)
    for key in table:
        if key not in fields:
            _unknown(key, list(fields), source, problems)
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _read_value(field, table[name], source, name, problems)
        elif field.required:
            problems.add(
                source, (), "missing-key", f"`{name}` is missing.", f"Add a line: {name} = …"
            )
    return kind(**values) if len(problems.found) == before else None


_RECORDED = frozenset({"source"})
"""Fields that no file declares: doorward records who declared a document."""


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, _Field]:
    return {
        field.name: _Field(field.type, field.required, _struct_element(field.type))
        for field in msgspec.structs.fields(kind)
        if field.name not in _RECORDED
    }


def _read_value(
    field: _Field, value: object, source: Source, name: str, problems: Problems
) -> object:
    if field.element is not None and isinstance(value, list):
        return tuple(
            read_struct(field.element, item, source.below(name, index), problems)
            for index, item in enumerate(value)
        )
    try:
        converted = msgspec.convert(value, field.kind)
    except msgspec.ValidationError as error:
        index = _first_wrong(field.kind, value)
        keys: tuple[str | int, ...] = (name,) if index is None else (name, index)
        expectation = str(error).split(" - at ")[0].replace("`", "")
        problems.add(
            source, keys, "wrong-type", f"`{name}` has a wrong value: {expectation}.", "Correct it."
        )
        return None
    for position, text in enumerate(converted if isinstance(converted, tuple) else (converted,)):
        if isinstance(text, str):
            keys = (name, position) if isinstance(converted, tuple) else (name,)
            _check_text(text, source, keys, problems)
    return converted


def _check_text(text: str, source: Source, keys: tuple[str | int, ...], problems: Problems) -> None:
    name = keys[0]
    if len(text) > MAX_TEXT_LENGTH:
        problems.add(
            source,
            keys,
            "text-too-long",
            f"`{name}` is longer than {MAX_TEXT_LENGTH} characters.",
            "Shorten it.",
        )
    # Control characters would end a header line or a log line that carries the text.
    shown = text.replace("\n", "") if name == "description" else text
    if not shown.isprintable():
        problems.add(
            source,
            keys,
            "unprintable-text",
            f"`{name}` contains a character that cannot be printed.",
            "Remove it.",
        )


def _struct_element(kind: object) -> type[msgspec.Struct] | None:
    """The element type of a `tuple[Struct, ...]`, or None for any other type."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and isinstance(arguments[0], type):
        return arguments[0] if issubclass(arguments[0], msgspec.Struct) else None
    return None


def _first_wrong(kind: object, value: object) -> int | None:
    if typing.get_origin(kind) is not tuple or not isinstance(value, list):
        return None
    element = typing.get_args(kind)[0]
    for index, item in enumerate(value):
        try:
            msgspec.convert(item, element)
        except msgspec.ValidationError:
            return index
    return None


def _unknown(key: str, known: list[str], source: Source, problems: Problems) -> None:
    near = difflib.get_close_matches(key, known, n=1)
    remedy = f"Did you mean `{near[0]}`?" if near else f"Known keys: {', '.join(known)}."
    problems.add(source, (key,), "unknown-key", f"`{key}` is not a key here.", remedy)
