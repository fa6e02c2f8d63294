"""What a database's errors mean to doorward: foreign errors end here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from doorward.errors import DoorwardError

_SQLITE = (
    ("SQLITE_BUSY", "store-conflict"),
    ("SQLITE_LOCKED", "store-conflict"),
    ("SQLITE_READONLY", "store-read-only"),
    ("SQLITE_PERM", "store-read-only"),
    ("SQLITE_FULL", "store-full"),
    ("SQLITE_CORRUPT", "store-corrupt"),
    ("SQLITE_NOTADB", "store-corrupt"),
)
_POSTGRESQL = (
    ("53100", "store-full"),
    ("25006", "store-read-only"),
    ("XX00", "store-corrupt"),
    ("42501", "store-read-only"),
    ("40", "store-conflict"),
    ("55P03", "store-conflict"),
)
_SENTENCES = {
    "store-conflict": ("Another writer was faster or keeps the store busy.", "Try again."),
    "store-read-only": (
        "The store cannot be written.",
        "Give the process that runs doorward control write access to the database.",
    ),
    "store-full": ("The store has no room left.", "Free space where the database is."),
    "store-corrupt": (
        "The store holds what doorward did not write.",
        "Restore a backup, and find out who changed the database.",
    ),
    "store-unavailable": (
        "The store cannot be reached, or fails.",
        "See that the database runs and that the store URL in doorward.toml is right.",
    ),
}


def failure(code: str) -> DoorwardError:
    """The error `code` of the store, with its sentence and remedy."""
    detail, remedy = _SENTENCES[code]
    return DoorwardError(code, detail, remedy)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of SQLAlchemy, drivers and sockets into `DoorwardError`s."""
    try:
        yield
    except SQLAlchemyError as error:
        raise failure(_code(error)) from error
    except (sqlite3.Error, OSError) as error:
        raise failure(_driver_code(error)) from error


def _code(error: SQLAlchemyError) -> str:
    if isinstance(error, IntegrityError):
        return "store-conflict"
    if isinstance(error, DBAPIError):
        return _driver_code(error.driver_exception)
    return "store-unavailable"


def _driver_code(error: BaseException) -> str:
    name = getattr(error, "sqlite_errorname", None) or ""
    state = getattr(error, "sqlstate", None) or ""
    for prefix, code in _SQLITE:
        if name.startswith(prefix):
            return code
    for prefix, code in _POSTGRESQL:
        if state.startswith(prefix):
            return code
    return "store-unavailable"
