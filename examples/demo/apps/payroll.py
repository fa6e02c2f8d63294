"""The payroll: Datasette over a small SQLite database that is made on first start."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from datasette.app import Datasette

PEOPLE = (
    ("alice", "Alice", "Security", 6100),
    ("bob", "Bob", "Finance", 5400),
    ("carol", "Carol", "Engineering", 5900),
    ("dave", "Dave", "Contract", 4800),
)
MONTHS = tuple(f"2026-{month:02}" for month in range(1, 11))


def application(database: Path) -> Any:
    """The ASGI application. The database is opened read-only."""
    if not database.exists():
        create(database)
    return Datasette(
        files=[],
        immutables=[str(database)],
        settings={"default_allow_sql": False},
        metadata={"title": "Payroll of example"},
    ).app()


def create(database: Path) -> None:
    """Write the salaries and payments of four people, all of it or nothing."""
    draft = database.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE employee (
              id TEXT PRIMARY KEY, name TEXT, department TEXT, monthly_salary INTEGER
            );
            CREATE TABLE payment (
              employee TEXT REFERENCES employee(id), month TEXT, amount INTEGER,
              PRIMARY KEY (employee, month)
            );
            """
        )
        connection.executemany("INSERT INTO employee VALUES (?, ?, ?, ?)", PEOPLE)
        connection.executemany(
            "INSERT INTO payment VALUES (?, ?, ?)",
            [(person, month, salary) for person, _, _, salary in PEOPLE for month in MONTHS],
        )
    draft.replace(database)
