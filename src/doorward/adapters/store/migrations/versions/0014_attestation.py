"""What is known of the TPMs of devices."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "device_attestation",
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("endorsement", sa.Text, nullable=False),
        sa.Column("certificate", sa.Text, nullable=False),
        sa.Column("ak_public", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("reference_by", sa.Text, nullable=False),
        sa.Column("reference_at", sa.Double, nullable=False),
        sa.Column("measured", sa.Text, nullable=False),
        sa.Column("measured_at", sa.Double, nullable=False),
        sa.Column("reset_count", sa.BigInteger, nullable=False),
        sa.Column("restart_count", sa.BigInteger, nullable=False),
        sa.Column("clock", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("device", name="pk_device_attestation"),
    )
    op.create_index(
        "uq_device_attestation_endorsement", "device_attestation", ["endorsement"], unique=True
    )
    op.create_index("ix_device_attestation_measured_at", "device_attestation", ["measured_at"])
