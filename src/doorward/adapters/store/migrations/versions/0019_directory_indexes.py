"""The directory's index in the order of ids says when each entry was changed.

On SQLite names end with two marks in the index of their trigrams, so that each letter begins one:
a text of one or two letters is found among the trigrams that it begins.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

_SQLITE = (
    "DROP TRIGGER directory_named_insert",
    "DROP TABLE directory_trigram",
    """
    CREATE VIRTUAL TABLE directory_trigram
    USING fts5(display_name, tokenize = 'trigram case_sensitive 1', columnsize = 0)
    """,
    "CREATE VIRTUAL TABLE directory_letters USING fts5vocab(directory_trigram, instance)",
    """
    INSERT INTO directory_trigram (rowid, display_name)
    SELECT number, display_name || char(31, 31) FROM directory_named JOIN directory_entry USING (id)
    """,
    """
    CREATE TRIGGER directory_named_insert AFTER INSERT ON directory_entry
    WHEN new.display_name IS NOT NULL
    BEGIN
        INSERT INTO directory_named (id, kind) VALUES (new.id, new.kind);
        INSERT INTO directory_trigram (rowid, display_name)
        SELECT number, new.display_name || char(31, 31) FROM directory_named WHERE id = new.id;
    END
    """,
)


def upgrade() -> None:
    op.drop_index("ix_directory_entry_kind", "directory_entry")
    op.create_index("ix_directory_entry_kind", "directory_entry", ["kind", "id", "modified"])
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
