"""The directory's index in the order of ids says when each entry was changed."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.drop_index("ix_directory_entry_kind", "directory_entry")
    op.create_index("ix_directory_entry_kind", "directory_entry", ["kind", "id", "modified"])
