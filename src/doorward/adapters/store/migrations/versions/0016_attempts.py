"""Attempts at what can be guessed; requests for recovery are found by their code."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("moments", sa.Text, nullable=False),
        sa.Column("in_a_row", sa.Integer, nullable=False),
        sa.Column("told_at", sa.Double),
        sa.Column("expires_at", sa.Double),
        sa.PrimaryKeyConstraint("purpose", "subject", name="pk_attempt"),
    )
    for column in ("subject", "in_a_row", "expires_at"):
        op.create_index(f"ix_attempt_{column}", "attempt", [column])
    op.add_column("recovery", sa.Column("code_hash", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_recovery_code_hash", "recovery", ["code_hash"])
    op.create_index("ix_recovery_user", "recovery", ["user"])
