"""What is known of a passkey, recovery codes, and requests for recovery.

Passkeys from before are unattested, and nobody has looked whether they may leave their device.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("attested", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("backup_eligible", sa.Boolean),
        sa.Column("backed_up", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("passkey", column)
    op.create_table(
        "recovery_code",
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("user", "hash", name="pk_recovery_code"),
    )
    op.create_table(
        "recovery",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("sealed_code", sa.LargeBinary, nullable=False),
        sa.Column("requested_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("keep", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recovery"),
    )
    op.create_index("ix_recovery_flow", "recovery", ["flow"])
    op.create_index("ix_recovery_expires_at", "recovery", ["expires_at"])
