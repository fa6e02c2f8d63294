"""The facts of a decision, as rows that a person can read down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue


def fact_rows(facts: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """Dotted names and values, in the order of the names; an empty list is `none`."""
    return sorted(_rows(facts, ""))


def _rows(value: JsonValue | Mapping[str, JsonValue], path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _rows(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield path, ", ".join(map(_text, value)) or "none"
    else:
        yield path, _text(value)


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)
