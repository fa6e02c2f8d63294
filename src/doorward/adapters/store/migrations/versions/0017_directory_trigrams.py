"""Substrings of display names are looked up by their trigrams.

SQLite: an FTS5 index, kept by triggers. Its rows have numbers of their own, which VACUUM leaves.
PostgreSQL: an index of `pg_trgm`, where this user may have that extension; without it every
name is looked through.
"""

from contextlib import suppress

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_SQLITE = (
    """
    CREATE TABLE directory_named
    (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL)
    """,
    """
    CREATE VIRTUAL TABLE directory_trigram
    USING fts5(display_name, tokenize = 'trigram case_sensitive 1', columnsize = 0)
    """,
    """
    INSERT INTO directory_named (id, kind)
    SELECT id, kind FROM directory_entry WHERE display_name IS NOT NULL
    """,
    """
    INSERT INTO directory_trigram (rowid, display_name)
    SELECT number, display_name FROM directory_named JOIN directory_entry USING (id)
    """,
    """
    CREATE TRIGGER directory_named_insert AFTER INSERT ON directory_entry
    WHEN new.display_name IS NOT NULL
    BEGIN
        INSERT INTO directory_named (id, kind) VALUES (new.id, new.kind);
        INSERT INTO directory_trigram (rowid, display_name)
        SELECT number, new.display_name FROM directory_named WHERE id = new.id;
    END
    """,
    """
    CREATE TRIGGER directory_named_delete AFTER DELETE ON directory_entry
    BEGIN
        DELETE FROM directory_trigram
        WHERE rowid = (SELECT number FROM directory_named WHERE id = old.id);
        DELETE FROM directory_named WHERE id = old.id;
    END
    """,
    """
    CREATE TRIGGER directory_named_update BEFORE UPDATE OF id, kind, display_name ON directory_entry
    BEGIN SELECT RAISE(ABORT, 'what the directory calls an entry is put anew, not updated'); END
    """,
)
_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
_SCHEMA = """
SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
WHERE extname = 'pg_trgm'
"""
"""Where the extension is: somebody may have put it where names are not looked for."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
    else:
        with suppress(sa.exc.DBAPIError):
            _add_index(op.get_bind())


def _add_index(connection: sa.Connection) -> None:
    with connection.begin_nested():
        connection.execute(sa.text(_EXTENSION))
        schema = connection.scalar(sa.text(_SCHEMA))
        connection.execute(
            sa.text(
                "CREATE INDEX ix_directory_entry_trigram ON directory_entry"
                f" USING gin (display_name {schema}.gin_trgm_ops)"
            )
        )
