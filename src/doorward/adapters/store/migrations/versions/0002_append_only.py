"""What was recorded stays: the database itself refuses to change it.

Decision records and audit entries cannot be updated or deleted. The one exception is age: a
decision record from before the floor may go. The floor is one row, moves forward only, and stays
a day behind the present. Whoever owns the database can still take the triggers away.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_LOGS = ("decision", "audit_entry")

_SQLITE = """
CREATE TRIGGER {name} BEFORE {event} ON {table} {condition}
BEGIN SELECT RAISE(ABORT, 'doorward: {table} is append-only'); END
"""
_POSTGRESQL = """
CREATE FUNCTION doorward_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {allowed} THEN RETURN {row}; END IF;
    RAISE EXCEPTION USING
        MESSAGE = 'doorward: ' || TG_TABLE_NAME || ' is append-only',
        ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    op.create_table(
        "decision_floor",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("moment", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decision_floor"),
    )
    op.execute("INSERT INTO decision_floor (id, moment) VALUES (1, 0)")
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    for table in _LOGS:
        _sqlite_trigger(table, "UPDATE")
    _sqlite_trigger("audit_entry", "DELETE")
    _sqlite_trigger(
        "decision", "DELETE", "WHEN OLD.at >= (SELECT moment FROM decision_floor WHERE id = 1)"
    )
    # INSERT OR REPLACE deletes what stands in its way, without any delete trigger.
    _sqlite_trigger(
        "audit_entry", "INSERT", "WHEN EXISTS (SELECT 1 FROM audit_entry WHERE seq = NEW.seq)"
    )
    _sqlite_trigger(
        "decision",
        "INSERT",
        "WHEN EXISTS (SELECT 1 FROM decision WHERE id = NEW.id)"
        # Where the statement gives no number, NEW.seq is -1.
        " OR (NEW.seq > 0 AND EXISTS (SELECT 1 FROM decision WHERE seq = NEW.seq))",
    )
    for event in ("INSERT", "DELETE"):
        _sqlite_trigger("decision_floor", event)
    _sqlite_trigger(
        "decision_floor",
        "UPDATE",
        "WHEN NEW.id <> OLD.id OR NEW.moment < OLD.moment"
        " OR NEW.moment > CAST(strftime('%s', 'now') AS REAL) - 86400",
    )


def _sqlite_trigger(table: str, event: str, condition: str = "") -> None:
    name = f"{table}_{event.lower()}"
    op.execute(_SQLITE.format(name=name, event=event, table=table, condition=condition))


def _postgresql() -> None:
    # Named with its schema: a session's temporary table of that name would come first.
    schema = op.get_bind().dialect.identifier_preparer.quote(
        op.get_bind().scalar(sa.text("SELECT current_schema()"))
    )
    op.execute(_POSTGRESQL.format(name="refuse", allowed="false", row="NULL"))
    op.execute(
        _POSTGRESQL.format(
            name="refuse_unless_old",
            allowed=f"OLD.at < (SELECT moment FROM {schema}.decision_floor WHERE id = 1)",  # noqa: S608
            row="OLD",
        )
    )
    op.execute(
        _POSTGRESQL.format(
            name="refuse_unless_forward",
            allowed="NEW.id = OLD.id AND NEW.moment >= OLD.moment"
            " AND NEW.moment <= extract(epoch FROM clock_timestamp()) - 86400",
            row="NEW",
        )
    )
    for table in _LOGS:
        _postgresql_trigger(table, "UPDATE", "refuse")
    _postgresql_trigger("audit_entry", "DELETE", "refuse")
    _postgresql_trigger("decision", "DELETE", "refuse_unless_old")
    for event in ("INSERT", "DELETE"):
        _postgresql_trigger("decision_floor", event, "refuse")
    _postgresql_trigger("decision_floor", "UPDATE", "refuse_unless_forward")
    for table in (*_LOGS, "decision_floor"):
        _postgresql_trigger(table, "TRUNCATE", "refuse", each="STATEMENT")


def _postgresql_trigger(table: str, event: str, function: str, each: str = "ROW") -> None:
    op.execute(
        f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION doorward_{function}()"
    )
