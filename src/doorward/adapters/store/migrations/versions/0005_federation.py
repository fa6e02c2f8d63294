"""Links to accounts at other providers, and the secrets of doorward as their client."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "federated_identity",
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("linked_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("provider", "subject", name="pk_federated_identity"),
    )
    op.create_index("ix_federated_identity_user", "federated_identity", ["user"])
    op.create_table(
        "provider_secret",
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_provider_secret"),
    )
