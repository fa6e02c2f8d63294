"""One further address of a person, for notices about their account."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "notice_address",
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("verified_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("user", name="pk_notice_address"),
    )
