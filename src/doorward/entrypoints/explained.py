"""How a process of doorward ends: one line of what is wrong and what to do, and a status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from doorward.errors import DoorwardError


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
        remedy = first.remedy if isinstance(first, DoorwardError) else ""
        sys.stderr.write(f"doorward: {first} {remedy}".rstrip() + "\n")
        return 1
    return 0
