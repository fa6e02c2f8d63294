"""How an error looks to whoever started a program: one line of what is wrong and what to do."""

from __future__ import annotations

from doorward.errors import DoorwardError, SourceError


def describe(error: DoorwardError) -> str:
    """An error as one line: where, what is wrong, what to do."""
    where = f"{error.file}:{error.line}: " if isinstance(error, SourceError) else "doorward: "
    return f"{where}{error.detail} {error.remedy}".rstrip()
