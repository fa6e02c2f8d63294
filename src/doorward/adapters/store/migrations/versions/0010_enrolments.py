"""Devices that asked to be enrolled, and wait for a person."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TEXTS = ("name", "platform", "agent_version", "address")
_WORDS = ("code_hash", "state", "user", "by", "replaces", "chosen", "device")


def upgrade() -> None:
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _WORDS),
        sa.Column("remembered", sa.LargeBinary, nullable=False),
        sa.Column("proved", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment"),
    )
    for column in ("expires_at", "code_hash", "user"):
        op.create_index(f"ix_enrolment_{column}", "enrolment", [column])
    op.create_index("uq_enrolment_public_key", "enrolment", ["public_key"], unique=True)
