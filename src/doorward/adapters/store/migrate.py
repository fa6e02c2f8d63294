"""Bringing a database's tables up to this version, with Alembic."""

from __future__ import annotations

import sqlite3

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import ConnectionPoolEntry

from doorward.adapters.store.failures import translated
from doorward.adapters.store.url import parse_url
from doorward.errors import DoorwardError

_MIGRATION_LOCK = 0x646F6F7277617265


def upgrade(url: str) -> None:
    """Create or upgrade the tables, all steps or none. Blocks; run it before serving.

    Raises `store-newer` where a newer doorward has been at the database, and the store's codes.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_immediate)
    try:
        with translated(), engine.begin() as connection:
            _upgrade(connection)
    finally:
        engine.dispose()


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for the packaged migrations, on `connection`."""
    config = Config()
    config.set_main_option("script_location", "doorward.adapters.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Replicas that start together take turns.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if not known.issuperset(MigrationContext.configure(connection).get_current_heads()):
        raise DoorwardError(
            "store-newer",
            "The store was upgraded by a newer doorward.",
            "Run that version, or restore a backup.",
        )
    command.upgrade(config, "head")


def _leave_transactions_to_us(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
