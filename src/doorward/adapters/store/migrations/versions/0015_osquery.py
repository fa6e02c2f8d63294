"""Hosts that report by osquery, and the secrets with which they enrol."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "osquery_secret",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_osquery_secret"),
        sa.UniqueConstraint("hash", name="uq_osquery_secret_hash"),
    )
    op.create_table(
        "osquery_host",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hardware_uuid", sa.Text, nullable=False),
        sa.Column("hardware_serial", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("osquery_version", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("enrolled_at", sa.Double, nullable=False),
        sa.Column("device", sa.Text),
        sa.Column("device_key", sa.Text, nullable=False),
        sa.Column("last_seen_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_osquery_host"),
        sa.UniqueConstraint("key_hash", name="uq_osquery_host_key_hash"),
    )
    op.create_index("ix_osquery_host_identifier", "osquery_host", ["identifier"])
