"""How a process of doorward ends: one line of what is wrong and what to do, and a status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from doorward.errors import DoorwardError, SourceError


def describe(error: DoorwardError) -> str:
    """An error as one line: where, what is wrong, what to do."""
    where = f"{error.file}:{error.line}: " if isinstance(error, SourceError) else "doorward: "
    return f"{where}{error.detail} {error.remedy}".rstrip()


def explained(run: Callable[[], None]) -> int:
    """Run it; the exit status, 1 where a DoorwardError or a system error ended it."""
    try:
        run()
    except (DoorwardError, OSError, ExceptionGroup) as error:
        first: Exception = error
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        if not isinstance(first, DoorwardError | OSError):
            raise
        line = describe(first) if isinstance(first, DoorwardError) else f"doorward: {first}"
        sys.stderr.write(f"{line}\n")
        return 1
    return 0
