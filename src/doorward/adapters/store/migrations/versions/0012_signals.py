"""Event streams to receivers of Shared Signals."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "signal_stream",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("endpoint_url", sa.Text, nullable=False),
        sa.Column("authorization", sa.LargeBinary),
        sa.Column("requested", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("user_format", sa.Text, nullable=False),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("stopped_by", sa.Text, nullable=False),
        sa.Column("verified_at", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("failing_since", sa.Double),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("heard_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_signal_stream"),
    )
    op.create_table(
        "signal_pending",
        sa.Column("seq", _number, nullable=False, autoincrement=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("jti", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_signal_pending"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_signal_pending_stream", "signal_pending", ["stream", "seq"])
    op.create_index("ix_signal_pending_jti", "signal_pending", ["stream", "jti"], unique=True)
    op.create_table(
        "signal_left_out",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", "subject", name="pk_signal_left_out"),
    )
