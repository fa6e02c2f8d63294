"""Display names that contain a text, by their trigrams, on SQLite.

The index of FTS5 says which entries have the text; where they are many, looking through all names
is quicker. PostgreSQL has an index of its own for that (`pg_trgm`), or looks through all names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, column, func, select, table

from doorward.administrator.directory.conditions import Compare, Condition, Every
from doorward.administrator.directory.entries import EntryKind

_LETTERS = 3
_MANY = 10_000
_BLURRED = frozenset("\0\ufffd\ufffe\uffff")
"""Characters that end a text for the tokenizer, or that it takes for one another."""

_named = table("directory_named", column("number"), column("id"), column("kind"))
_trigram = table("directory_trigram", column("rowid"), column("display_name"))


class Named(NamedTuple):
    """The ids, in order, of a small part of the directory: all that fulfil a condition are there.

    `exact` where nobody else is.
    """

    ids: Select[Any]
    exact: bool


def entries_named(connection: Connection, kind: EntryKind, condition: Condition) -> Named | None:
    """Where entries that fulfil `condition` are; None where the index does not know of a few."""
    if connection.dialect.name != "sqlite":
        return None
    part = max(_parts(condition), key=lambda part: len(part.text), default=None)
    if part is None or len(part.text) < _LETTERS:
        return None
    quoted = part.text.replace('"', '""')
    matching = _trigram.c.display_name.op("MATCH")(f'"{quoted}"')
    few = select(_trigram.c.rowid).where(matching).limit(_MANY).subquery()
    if (connection.scalar(select(func.count()).select_from(few)) or 0) == _MANY:
        return None
    joined = _trigram.join(_named, _named.c.number == _trigram.c.rowid)
    ids = select(_named.c.id).select_from(joined).where(matching, _named.c.kind == kind)
    return Named(ids.order_by(_named.c.id), part.exact)


class _Part(NamedTuple):
    text: str
    exact: bool


def _parts(condition: Condition) -> Iterator[_Part]:
    """Texts that the display name of whatever fulfils `condition` contains."""
    match condition:
        case Every(conditions=inner):
            for part in (part for each in inner for part in _parts(each)):
                yield part._replace(exact=part.exact and len(inner) == 1)
        case Compare(field="display_name", op="co" | "ew" as op, value=str() as text):
            if _BLURRED.isdisjoint(text):
                yield _Part(text, op == "co")
