"""Insert, or else: both databases say it alike, and SQLAlchemy to each by a name of its own."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Insert = postgresql.Insert | sqlite.Insert


def insert_into(connection: AsyncConnection, table: Table) -> Insert:
    """An insertion to which a conflict can be told."""
    return _insert(connection.dialect.name, table)


def insert_or_replace(connection: AsyncConnection, table: Table) -> Insert:
    """Whole rows, each in the place of the one with its primary key."""
    return _or_replace(connection.dialect.name, table)


def insert_or_replace_expired(connection: AsyncConnection, table: Table) -> Insert:
    """The same, but a row whose `expires_at` is later than the parameter `now_` stays.

    `rowcount` tells how many rows went in.
    """
    return _or_replace_expired(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _or_replace(dialect: str, table: Table) -> Insert:
    new = _insert(dialect, table)
    return new.on_conflict_do_update(index_elements=_key(table), set_=_rest(new, table))


@cache
def _or_replace_expired(dialect: str, table: Table) -> Insert:
    new = _insert(dialect, table)
    fresh = new.on_conflict_do_update(
        index_elements=_key(table),
        set_=_rest(new, table),
        where=table.c.expires_at <= bindparam("now_"),
    )
    return fresh.execution_options(preserve_rowcount=True)


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _rest(new: Insert, table: Table) -> dict[str, object]:
    return {c.name: new.excluded[c.name] for c in table.columns if not c.primary_key}
