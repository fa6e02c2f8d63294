"""Display names that contain a text, by their trigrams, on SQLite.

The index of FTS5 says which entries have the text. PostgreSQL has an index of its own for that
(`pg_trgm`), or looks through all names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, column, select, table

from doorward.administrator.directory.conditions import Compare, Condition, Every
from doorward.administrator.directory.entries import EntryKind

_LETTERS = 3
_BLURRED = frozenset("\0\ufffd\ufffe\uffff")
"""Characters that end a text for the tokenizer, or that it takes for one another."""

_named = table("directory_named", column("number"), column("id"), column("kind"))
_trigram = table("directory_trigram", column("rowid"), column("display_name"))


class Part(NamedTuple):
    """The ids of a part of the directory, in which all are that fulfil a condition.

    `exact` where nobody else is.
    """

    ids: Select[Any]
    exact: bool


def entries_named(connection: Connection, kind: EntryKind, condition: Condition) -> Part | None:
    """Where entries that fulfil `condition` are; None where the index cannot know."""
    if connection.dialect.name != "sqlite":
        return None
    piece = max(_pieces(condition), key=lambda piece: len(piece.text), default=None)
    if piece is None or len(piece.text) < _LETTERS:
        return None
    quoted = piece.text.replace('"', '""')
    matching = _trigram.c.display_name.op("MATCH")(f'"{quoted}"')
    joined = _trigram.join(_named, _named.c.number == _trigram.c.rowid)
    ids = select(_named.c.id).select_from(joined).where(matching, _named.c.kind == kind)
    return Part(ids, piece.exact)


class _Piece(NamedTuple):
    text: str
    exact: bool


def _pieces(condition: Condition) -> Iterator[_Piece]:
    """Texts that the display name of whatever fulfils `condition` contains."""
    match condition:
        case Every(conditions=inner):
            for piece in (piece for each in inner for piece in _pieces(each)):
                yield piece._replace(exact=piece.exact and len(inner) == 1)
        case Compare(field="display_name", op="co" | "ew" as op, value=str() as text):
            if _BLURRED.isdisjoint(text):
                yield _Piece(text, op == "co")
