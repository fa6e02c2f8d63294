"""What the OpenID Provider keeps: grants, tokens, sign-ins to clients, signing keys, secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "openid_grant",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("sid", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_openid_grant"),
    )
    op.create_index("ix_openid_grant_sid", "openid_grant", ["sid"])
    op.create_table(
        "openid_token",
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("grant", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("issued_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.PrimaryKeyConstraint("hash", name="pk_openid_token"),
    )
    op.create_index("ix_openid_token_grant", "openid_token", ["grant"])
    op.create_index("ix_openid_token_expires_at", "openid_token", ["expires_at"])
    op.create_table(
        "openid_session",
        sa.Column("sid", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sid", name="pk_openid_session"),
    )
    op.create_index("ix_openid_session_session", "openid_session", ["session"])
    op.create_index("ix_openid_session_ended_at", "openid_session", ["ended_at"])
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("public", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("active_from", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
    )
    op.create_table(
        "client_secret",
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.PrimaryKeyConstraint("hash", name="pk_client_secret"),
    )
    op.create_index("ix_client_secret_client", "client_secret", ["client"])
