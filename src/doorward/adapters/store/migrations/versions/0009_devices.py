"""Devices by their enrolled key: those known by one certificate are enrolled anew.

Their documents cannot be carried over, since nothing tells the key of a device from its
certificate. Followers that hold them load the snapshot again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "device_record",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("storage", sa.Text, nullable=False),
        sa.Column("enrolled_at", sa.Double, nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("last_seen_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_device_record"),
    )
    op.execute("DELETE FROM snapshot_document WHERE kind = 'device'")
    op.execute("DELETE FROM snapshot_change")
