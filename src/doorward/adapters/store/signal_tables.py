"""The tables of event streams (Shared Signals)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, Table, Text

from doorward.adapters.store.tables import metadata

_number = BigInteger().with_variant(Integer(), "sqlite")

signal_stream = Table(
    "signal_stream",
    metadata,
    Column("id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("endpoint_url", Text, nullable=False),
    Column("authorization", LargeBinary),
    Column("requested", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("user_format", Text, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stopped_by", Text, nullable=False),
    Column("verified_at", Double),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("failing_since", Double),
    Column("last_error", Text, nullable=False),
    Column("heard_at", Double),
)

signal_pending = Table(
    "signal_pending",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=True),
    Column("stream", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("claims", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("ix_signal_pending_stream", "stream", "seq"),
    Index("ix_signal_pending_jti", "stream", "jti", unique=True),
    sqlite_autoincrement=True,
)

signal_left_out = Table(
    "signal_left_out",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
)
