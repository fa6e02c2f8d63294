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
    Column("user", Text, nullable=False, index=True),
    Column("flow", Text, nullable=False, index=True),
    Column("code_hash", Text, nullable=False, server_default="", index=True),
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

attempt = Table(
    "attempt",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("subject", Text, primary_key=True, index=True),
    Column("moments", Text, nullable=False),
    Column("in_a_row", Integer, nullable=False, index=True),
    Column("told_at", Double),
    Column("expires_at", Double, index=True),
)

federated_identity = Table(
    "federated_identity",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("user", Text, nullable=False, index=True),
    Column("linked_at", Double, nullable=False),
    Column("last_used_at", Double, nullable=False),
    Column("email", Text, nullable=False),
)

provider_secret = Table(
    "provider_secret",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
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

session_activity = Table(
    "session_activity",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

activity_source = Table(
    "activity_source",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

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

openid_grant = Table(
    "openid_grant",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sid", Text, nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

openid_token = Table(
    "openid_token",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("grant", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("issued_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("used_at", Double),
)

openid_session = Table(
    "openid_session",
    metadata,
    Column("sid", Text, primary_key=True),
    Column("client", Text, nullable=False),
    Column("session", Text, nullable=False, index=True),
    Column("user", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("ended_at", Double, index=True),
    Column("due_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("active_from", Double, nullable=False),
)

client_secret = Table(
    "client_secret",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("client", Text, nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
)
# In PostgreSQL the order of text is the database's language; SCIM's is that of code points.
_text = Text().with_variant(Text(collation="C"), "postgresql")

directory_entry = Table(
    "directory_entry",
    metadata,
    Column("id", _text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("modified", Double, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("user_name", _text),
    Column("external_id", _text),
    Column("display_name", _text),
    Column("given_name", _text),
    Column("family_name", _text),
    Column("address", _text),
    Column("active", Boolean),
    Index("uq_directory_entry_user_name", "user_name", unique=True),
    Index("ix_directory_entry_kind", "kind", "id", "modified"),
    Index("ix_directory_entry_user_name", "kind", "user_name", "id"),
    Index("ix_directory_entry_external_id", "kind", "external_id", "id"),
    Index("ix_directory_entry_display_name", "kind", "display_name", "id"),
    Index("ix_directory_entry_given_name", "kind", "given_name", "id"),
    Index("ix_directory_entry_family_name", "kind", "family_name", "id"),
    Index("ix_directory_entry_address", "kind", "address", "id"),
    Index("ix_directory_entry_active", "kind", "active", "id"),
    Index("ix_directory_entry_created", "kind", "created", "id"),
    Index("ix_directory_entry_modified", "kind", "modified", "id"),
)
"""What the directory can be searched by, folded where case does not count; null for none."""

directory_body = Table(
    "directory_body",
    metadata,
    Column("id", _text, primary_key=True),
    Column("body", Text, nullable=False),
)
"""Apart from `directory_entry`, so that a search reads little."""

directory_address = Table(
    "directory_address",
    metadata,
    Column("id", _text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("value", _text),
    Column("type", _text),
    Index("ix_directory_address_value", "value", "id"),
)

directory_member = Table(
    "directory_member",
    metadata,
    Column("group_id", _text, primary_key=True),
    Column("member_id", _text, primary_key=True),
    Column("kind", Text, nullable=False),
    Index("ix_directory_member_member_id", "member_id", "group_id"),
)

directory_retired = Table(
    "directory_retired",
    metadata,
    Column("id", _text, primary_key=True),
    Column("at", Double, nullable=False),
)
"""Ids, in lower case, of entries that are gone: nobody else ever gets them."""

device_record = Table(
    "device_record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("storage", Text, nullable=False),
    Column("enrolled_at", Double, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("last_seen_at", Double),
)

osquery_secret = Table(
    "osquery_secret",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("note", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
)

osquery_host = Table(
    "osquery_host",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_hash", Text, nullable=False, unique=True),
    Column("secret", Text, nullable=False),
    Column("identifier", Text, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hardware_uuid", Text, nullable=False),
    Column("hardware_serial", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("osquery_version", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("enrolled_at", Double, nullable=False),
    Column("device", Text),
    Column("device_key", Text, nullable=False),
    Column("last_seen_at", Double),
)

device_attestation = Table(
    "device_attestation",
    metadata,
    Column("device", Text, primary_key=True),
    Column("endorsement", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("ak_public", LargeBinary, nullable=False),
    Column("key", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("reference", Text, nullable=False),
    Column("reference_by", Text, nullable=False),
    Column("reference_at", Double, nullable=False),
    Column("measured", Text, nullable=False),
    Column("measured_at", Double, nullable=False, index=True),
    Column("reset_count", BigInteger, nullable=False),
    Column("restart_count", BigInteger, nullable=False),
    Column("clock", BigInteger, nullable=False),
    Column("refused", Text, nullable=False),
    Index("uq_device_attestation_endorsement", "endorsement", unique=True),
)

received_signal = Table(
    "received_signal",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=True),
    Column("transmitter", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_received_signal_transmitter", "transmitter", "jti", unique=True),
    Index("ix_received_signal_received_at", "received_at"),
    sqlite_autoincrement=True,
)

transmitter_word = Table(
    "transmitter_word",
    metadata,
    Column("transmitter", Text, primary_key=True),
    Column("series", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("said", Text, nullable=False),
)
"""The newest that each transmitter said of a subject, where a later word replaces an earlier."""

transmitter_stream = Table(
    "transmitter_stream",
    metadata,
    Column("transmitter", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("push_hash", Text, nullable=False),
    Column("management", LargeBinary),
    Column("stream", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("poll_url", Text, nullable=False),
    Column("delivered", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("connected_at", Double),
    Column("state_hash", Text, nullable=False),
    Column("asked_at", Double),
    Column("verified_at", Double),
    Column("heard_at", Double),
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("agent_version", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("code_hash", Text, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("user", Text, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("replaces", Text, nullable=False),
    Column("chosen", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("remembered", LargeBinary, nullable=False),
    Column("proved", Boolean, nullable=False),
    Index("uq_enrolment_public_key", "public_key", unique=True),
)
