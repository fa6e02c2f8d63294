"""The tables, the same on SQLite and PostgreSQL.

Documents and decisions are kept as the JSON they were written as; columns beside it are for
searching. Times are seconds since the epoch. A new column here needs a migration beside it
(`migrations/versions`); a test holds the two together. Triggers, which stand in the migrations
alone, refuse to change `audit_entry` and `decision`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)

_number = BigInteger().with_variant(Integer(), "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

snapshot_document = Table(
    "snapshot_document",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("number", _number, nullable=False),
)

snapshot_change = Table(
    "snapshot_change",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("body", Text),
)

passkey = Table(
    "passkey",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", _number, nullable=False),
    Column("transports", Text, nullable=False),
    Column("aaguid", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Column("attested", Boolean, nullable=False, server_default=false()),
    Column("backup_eligible", Boolean),
    Column("backed_up", Boolean, nullable=False, server_default=false()),
)

password = Table(
    "password",
    metadata,
    Column("user", Text, primary_key=True),
    Column("hash", Text, nullable=False),
)

totp = Table(
    "totp",
    metadata,
    Column("user", Text, primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", _number, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("user", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("made_at", Double, nullable=False),
)

recovery = Table(
    "recovery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("flow", Text, nullable=False, index=True),
    Column("sealed_code", LargeBinary, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("keep", Boolean, nullable=False),
)

one_time = Table(
    "one_time",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("subject", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_decision_id", "id", unique=True),
    Index("ix_decision_subject", "subject", "seq"),
    Index("ix_decision_resource", "resource", "seq"),
    Index("ix_decision_session", "session", "seq"),
    Index("ix_decision_reason", "reason", "seq"),
    Index("ix_decision_at", "at"),
    sqlite_autoincrement=True,
)

decision_floor = Table(
    "decision_floor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("moment", Double, nullable=False),
)
"""One row, `id` 1: decision records from before `moment` may be removed. It moves forward only."""

sign_in = Table(
    "sign_in",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("user", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("methods", Text, nullable=False),
    Column("aal", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("disowned_at", Double),
    Index("ix_sign_in_user", "user", "seq"),
    Index("ix_sign_in_at", "at"),
    sqlite_autoincrement=True,
)
