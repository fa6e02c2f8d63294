"""Display names that contain a text, by their trigrams, on SQLite.

The index of FTS5 says which entries have the text. A text too short for a trigram is found by those
that it begins: two marks end each name in the index, so that every letter begins one. PostgreSQL
has an index of its own for that (`pg_trgm`), or looks through all names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, column, func, select, table

from doorward.adapters.store.directory_conditions import begins
from doorward.administrator.directory.conditions import Compare, Condition, Every
from doorward.administrator.directory.entries import EntryKind

_LETTERS = 3
_PLACES = 10_000
"""Where a short text is in so many places, going through all names is quicker."""
_BLURRED = frozenset("\0\x1f\ufffd\ufffe\uffff")
"""Characters that end a text for the tokenizer, that it takes for one another, and the mark."""

_named = table("directory_named", column("number"), column("id"), column("kind"))
_trigram = table("directory_trigram", column("rowid"), column("display_name"))
_letters = table("directory_letters", column("term"), column("doc"))
"""Each place of each trigram."""


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
    if piece is None or not piece.text:
        return None
    if len(piece.text) < _LETTERS:
        places = select(_letters.c.doc).where(begins(_letters.c.term, piece.text))
        few = select(func.count()).select_from(places.limit(_PLACES).subquery())
        if connection.scalar(few) == _PLACES:
            return None
        within = _named.c.number.in_(places)
        return Part(select(_named.c.id).where(within, _named.c.kind == kind), piece.exact)
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
