"""Display names that contain a text, by their trigrams, on SQLite.

The index of FTS5 says which entries have the text; where they are many, looking through all names
is quicker. PostgreSQL has an index of its own for that (`pg_trgm`), or looks through all names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.administrator.directory.conditions import Compare, Condition, Every

_LETTERS = 3
_MANY = 10_000

_named = table("directory_named", column("number"), column("id"))
_trigram = table("directory_trigram", column("rowid"), column("display_name"))


async def entries_named(connection: AsyncConnection, condition: Condition) -> Select[Any] | None:
    """The ids of a part of the directory in which all are that fulfil `condition`.

    None where the index does not know, or where it is no small part.
    """
    if connection.dialect.name != "sqlite":
        return None
    text = max(_parts(condition), key=len, default="")
    if len(text) < _LETTERS:
        return None
    quoted = text.replace('"', '""')
    matching = _trigram.c.display_name.op("MATCH")(f'"{quoted}"')
    few = select(_trigram.c.rowid).where(matching).limit(_MANY).subquery()
    if (await connection.scalar(select(func.count()).select_from(few)) or 0) == _MANY:
        return None
    return (
        select(_named.c.id)
        .select_from(_trigram.join(_named, _named.c.number == _trigram.c.rowid))
        .where(matching)
    )


def _parts(condition: Condition) -> Iterator[str]:
    """Texts that the display name of whatever fulfils `condition` contains."""
    match condition:
        case Every(conditions=inner):
            for part in inner:
                yield from _parts(part)
        case Compare(field="display_name", op="co" | "ew", value=str() as text):
            if "\0" not in text:
                yield text
