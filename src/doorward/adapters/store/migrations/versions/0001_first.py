"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _snapshot()
    _credentials()
    _audit()
    _decisions()


def _snapshot() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "snapshot_document",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("number", _number, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_snapshot_document"),
    )
    op.create_table(
        "snapshot_change",
        sa.Column("number", _number, nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
        sa.PrimaryKeyConstraint("number", "position", name="pk_snapshot_change"),
    )


def _credentials() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", _number, nullable=False),
        sa.Column("transports", sa.Text, nullable=False),
        sa.Column("aaguid", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
    )
    op.create_index("ix_passkey_user", "passkey", ["user"])
    op.create_table(
        "password",
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user", name="pk_password"),
    )
    op.create_table(
        "totp",
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("last_step", _number, nullable=False),
        sa.PrimaryKeyConstraint("user", name="pk_totp"),
    )
    op.create_table(
        "one_time",
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("purpose", "key", name="pk_one_time"),
    )
    op.create_index("ix_one_time_expires_at", "one_time", ["expires_at"])


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("seq", _number, nullable=False, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_entry"),
    )


def _decisions() -> None:
    op.create_table(
        "decision",
        sa.Column("seq", _number, nullable=False, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decision"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_decision_id", "decision", ["id"], unique=True)
    for column in ("subject", "resource", "session", "reason"):
        op.create_index(f"ix_decision_{column}", "decision", [column, "seq"])
    op.create_index("ix_decision_at", "decision", ["at"])
