"""The directory of people and groups that another system provisions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BY_KIND = (
    "user_name",
    "external_id",
    "display_name",
    "given_name",
    "family_name",
    "address",
    "active",
    "created",
    "modified",
)


def upgrade() -> None:
    _entries()
    op.create_table(
        "directory_body",
        sa.Column("id", _text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_body"),
    )
    op.create_table(
        "directory_address",
        sa.Column("id", _text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("value", _text),
        sa.Column("type", _text),
        sa.PrimaryKeyConstraint("id", "position", name="pk_directory_address"),
    )
    op.create_index("ix_directory_address_value", "directory_address", ["value", "id"])
    op.create_table(
        "directory_member",
        sa.Column("group_id", _text, nullable=False),
        sa.Column("member_id", _text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "member_id", name="pk_directory_member"),
    )
    op.create_index("ix_directory_member_member_id", "directory_member", ["member_id", "group_id"])
    op.create_table(
        "directory_retired",
        sa.Column("id", _text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_retired"),
    )


def _entries() -> None:
    op.create_table(
        "directory_entry",
        sa.Column("id", _text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("modified", sa.Double, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("user_name", _text),
        sa.Column("external_id", _text),
        sa.Column("display_name", _text),
        sa.Column("given_name", _text),
        sa.Column("family_name", _text),
        sa.Column("address", _text),
        sa.Column("active", sa.Boolean),
        sa.PrimaryKeyConstraint("id", name="pk_directory_entry"),
    )
    op.create_index("uq_directory_entry_user_name", "directory_entry", ["user_name"], unique=True)
    op.create_index("ix_directory_entry_kind", "directory_entry", ["kind", "id"])
    for column in _BY_KIND:
        op.create_index(f"ix_directory_entry_{column}", "directory_entry", ["kind", column, "id"])
