"""Devices' health: what is known of each, what it does not pass, and how that changed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "device_posture",
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("seen_at", sa.Double),
        sa.Column("due_at", sa.Double),
        sa.Column("said", sa.Boolean),
        sa.Column("said_why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("device", name="pk_device_posture"),
    )
    op.create_index("ix_device_posture_seen_at", "device_posture", ["seen_at"])
    op.create_index("ix_device_posture_due_at", "device_posture", ["due_at"])
    op.create_table(
        "device_finding",
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("failed_at", sa.Double),
        sa.Column("passed_at", sa.Double),
        sa.PrimaryKeyConstraint("device", "policy", "fact", name="pk_device_finding"),
    )
    _history()


def _history() -> None:
    op.create_table(
        "device_health_change",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            autoincrement=True,
        ),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("healthy", sa.Boolean),
        sa.Column("findings", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_device_health_change"),
    )
    op.create_index("ix_device_health_change_device", "device_health_change", ["device", "seq"])
    op.create_index("ix_device_health_change_at", "device_health_change", ["at"])
    op.create_table(
        "fleet_sample",
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("healthy", sa.Integer, nullable=False),
        sa.Column("unhealthy", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("silent", sa.Integer, nullable=False),
        sa.Column("suspended", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_fleet_sample"),
    )
