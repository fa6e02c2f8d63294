"""Identity verification: contacts, training, cases, and verifications that nobody changes.

A verification can be removed once it has ended, and its end once it is removed; neither can be
changed. Whoever owns the database can still take the triggers away.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SQLITE = """
CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} {condition}
BEGIN SELECT RAISE(ABORT, 'doorward: {table} is append-only'); END
"""
_POSTGRESQL = """
CREATE FUNCTION doorward_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {allowed} THEN RETURN OLD; END IF;
    RAISE EXCEPTION USING
        MESSAGE = 'doorward: ' || TG_TABLE_NAME || ' is append-only',
        ERRCODE = 'restrict_violation';
END $$
"""
_VERIFICATION, _END = "identity_verification", "identity_verification_end"


def upgrade() -> None:
    _contacts()
    _cases()
    _verifications()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _contacts() -> None:
    op.create_table(
        "verified_contact",
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("verified_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("user", "kind", name="pk_verified_contact"),
    )
    op.create_table(
        "verifier_training",
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("trained_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user", "trained_at", name="pk_verifier_training"),
    )


def _cases() -> None:
    op.create_table(
        "proofing_case",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("closed_at", sa.Double),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proofing_case"),
    )
    for column in ("subject", "state"):
        op.create_index(f"ix_proofing_case_{column}", "proofing_case", [column])
    op.create_table(
        "proofing_number",
        sa.Column("number_hash", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number_hash", "case_id", name="pk_proofing_number"),
    )
    op.create_index("ix_proofing_number_case_id", "proofing_number", ["case_id"])


def _verifications() -> None:
    op.create_table(
        _VERIFICATION,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_VERIFICATION}"),
    )
    for column in ("user", "case_id", "until"):
        op.create_index(f"ix_{_VERIFICATION}_{column}", _VERIFICATION, [column])
    op.create_table(
        _END,
        sa.Column("verification", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("verification", name=f"pk_{_END}"),
    )
    op.create_index(f"ix_{_END}_at", _END, ["at"])
    op.create_table(
        "identity_notice",
        sa.Column("verification", sa.Text, nullable=False),
        sa.Column("notice", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("verification", "notice", name="pk_identity_notice"),
    )


def _sqlite() -> None:
    ended = "EXISTS (SELECT 1 FROM identity_verification_end WHERE verification = OLD.id)"
    there = "EXISTS (SELECT 1 FROM identity_verification WHERE id = OLD.verification)"
    known = "EXISTS (SELECT 1 FROM identity_verification WHERE id = NEW.id)"
    twice = "EXISTS (SELECT 1 FROM identity_verification_end WHERE verification = NEW.verification)"
    for table, event, condition in (
        (_VERIFICATION, "UPDATE", ""),
        (_END, "UPDATE", ""),
        (_VERIFICATION, "DELETE", f"WHEN NOT {ended}"),
        (_END, "DELETE", f"WHEN {there}"),
        # INSERT OR REPLACE deletes what stands in its way, without any delete trigger.
        (_VERIFICATION, "INSERT", f"WHEN {known}"),
        (_END, "INSERT", f"WHEN {twice}"),
    ):
        op.execute(
            _SQLITE.format(table=table, name=event.lower(), event=event, condition=condition)
        )


def _postgresql() -> None:
    # Named with its schema: a session's temporary table of that name would come first.
    schema = op.get_bind().dialect.identifier_preparer.quote(
        op.get_bind().scalar(sa.text("SELECT current_schema()"))
    )
    ended = f"EXISTS (SELECT 1 FROM {schema}.{_END} WHERE verification = OLD.id)"  # noqa: S608
    gone = f"NOT EXISTS (SELECT 1 FROM {schema}.{_VERIFICATION} WHERE id = OLD.verification)"  # noqa: S608
    op.execute(_POSTGRESQL.format(name="refuse_unless_ended", allowed=ended))
    op.execute(_POSTGRESQL.format(name="refuse_unless_gone", allowed=gone))
    for table, event, function, each in (
        (_VERIFICATION, "UPDATE", "refuse", "ROW"),
        (_END, "UPDATE", "refuse", "ROW"),
        (_VERIFICATION, "DELETE", "refuse_unless_ended", "ROW"),
        (_END, "DELETE", "refuse_unless_gone", "ROW"),
        (_VERIFICATION, "TRUNCATE", "refuse", "STATEMENT"),
        (_END, "TRUNCATE", "refuse", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table}"
            f" FOR EACH {each} EXECUTE FUNCTION doorward_{function}()"
        )
