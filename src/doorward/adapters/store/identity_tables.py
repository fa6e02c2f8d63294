"""The tables of identity verification and of notices. The conventions are those of `tables`.

Triggers, which stand in the migration alone, refuse to change `identity_verification` and
`identity_verification_end`, and to remove a verification that has not ended.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Table, Text

from doorward.adapters.store.tables import metadata

verified_contact = Table(
    "verified_contact",
    metadata,
    Column("user", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("verified_at", Double, nullable=False),
)

notice_address = Table(
    "notice_address",
    metadata,
    Column("user", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("verified_at", Double, nullable=False),
)

verifier_training = Table(
    "verifier_training",
    metadata,
    Column("user", Text, primary_key=True),
    Column("trained_at", Double, primary_key=True),
    Column("expires_at", Double, nullable=False),
    Column("recorded_by", Text, nullable=False),
)

proofing_case = Table(
    "proofing_case",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False, index=True),
    Column("state", Text, nullable=False, index=True),
    Column("opened_at", Double, nullable=False),
    Column("closed_at", Double),
    Column("body", Text, nullable=False),
)

proofing_number = Table(
    "proofing_number",
    metadata,
    Column("number_hash", Text, primary_key=True),
    Column("case_id", Text, primary_key=True, index=True),
    Column("subject", Text, nullable=False),
)
"""Which documents the open and approved cases rest on, to find one that is used twice."""

identity_verification = Table(
    "identity_verification",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user", Text, nullable=False, index=True),
    Column("case_id", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("until", Double, nullable=False, index=True),
    Column("body", Text, nullable=False),
)

identity_verification_end = Table(
    "identity_verification_end",
    metadata,
    Column("verification", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

identity_notice = Table(
    "identity_notice",
    metadata,
    Column("verification", Text, primary_key=True),
    Column("notice", Text, primary_key=True),
    Column("at", Double, nullable=False),
)
