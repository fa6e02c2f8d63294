"""Signals of other systems: what was received, their newest word, and the streams they come by."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "received_signal",
        sa.Column("seq", _number, nullable=False, autoincrement=True),
        sa.Column("transmitter", sa.Text, nullable=False),
        sa.Column("jti", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_received_signal"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_received_signal_transmitter", "received_signal", ["transmitter", "jti"], unique=True
    )
    op.create_index("ix_received_signal_received_at", "received_signal", ["received_at"])
    op.create_table(
        "transmitter_word",
        sa.Column("transmitter", sa.Text, nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("transmitter", "series", "subject", name="pk_transmitter_word"),
    )
    op.create_table(
        "transmitter_stream",
        sa.Column("transmitter", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("push_hash", sa.Text, nullable=False),
        sa.Column("management", sa.LargeBinary),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("poll_url", sa.Text, nullable=False),
        sa.Column("delivered", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("connected_at", sa.Double),
        sa.Column("state_hash", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Double),
        sa.Column("verified_at", sa.Double),
        sa.Column("heard_at", sa.Double),
        sa.PrimaryKeyConstraint("transmitter", name="pk_transmitter_stream"),
    )
