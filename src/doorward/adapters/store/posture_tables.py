"""The tables of devices' health, beside those of `tables.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, Table, Text

from doorward.adapters.store.tables import metadata

device_posture = Table(
    "device_posture",
    metadata,
    Column("device", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("seen_at", Double),
    Column("due_at", Double),
    Column("said", Boolean),
    Column("said_why", Text, nullable=False),
    Index("ix_device_posture_seen_at", "seen_at"),
    Index("ix_device_posture_due_at", "due_at"),
)

device_finding = Table(
    "device_finding",
    metadata,
    Column("device", Text, primary_key=True),
    Column("policy", Text, primary_key=True),
    Column("fact", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("failed_at", Double),
    Column("passed_at", Double),
)

device_health_change = Table(
    "device_health_change",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("device", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("healthy", Boolean),
    Column("findings", Text, nullable=False),
    Index("ix_device_health_change_device", "device", "seq"),
    Index("ix_device_health_change_at", "at"),
)

fleet_sample = Table(
    "fleet_sample",
    metadata,
    Column("at", Double, primary_key=True),
    Column("healthy", Integer, nullable=False),
    Column("unhealthy", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("silent", Integer, nullable=False),
    Column("suspended", Integer, nullable=False),
)
