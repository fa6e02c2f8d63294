"""The log of sign-ins that each person sees of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sign_in",
        sa.Column("seq", _number, nullable=False, autoincrement=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("methods", sa.Text, nullable=False),
        sa.Column("aal", sa.Integer, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("disowned_at", sa.Double),
        sa.PrimaryKeyConstraint("seq", name="pk_sign_in"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sign_in_user", "sign_in", ["user", "seq"])
    op.create_index("ix_sign_in_at", "sign_in", ["at"])
