"""Moves SQLite's write-ahead log into the database file, beside the commits.

Left to itself SQLite does so within a commit, once it has written a thousand pages: every sixtieth
sign-in waited for the disk ten times as long as the others.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import structlog

MOST_PAGES = 8000
"""From here on SQLite does it within commits: a log never ends whose writer never pauses."""
_PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Checkpoints:
    """Of the database at `path`, in a thread, while it is written to.

    They wait for nobody and nobody waits for them (`PASSIVE`); the last connection to close makes
    the last one. One that fails is made up for by the next.
    """

    def __init__(self, path: str) -> None:
        # Never made anew where it was moved away: SQLite deletes the log beside an empty file.
        self._file = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._running: asyncio.Future[None] | None = None
        self._next = 0.0

    def committed(self) -> None:
        """Begin one, unless the last was a moment ago."""
        now = time.monotonic()
        if now < self._next or (self._running is not None and not self._running.done()):
            return
        self._next = now + _PAUSE_SECONDS
        self._running = asyncio.get_running_loop().run_in_executor(None, self._move)

    async def close(self) -> None:
        """Wait for the one that runs."""
        if self._running is not None:
            await asyncio.shield(self._running)

    def _move(self) -> None:
        try:
            opened = sqlite3.connect(self._file, timeout=0, isolation_level=None, uri=True)
            with closing(opened) as raw:
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            _log.warning("checkpoint-failed", error=getattr(error, "sqlite_errorname", ""))
