"""The table of attempts at what can be guessed, which all control processes share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from doorward.model.ids import UnixSeconds


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried for one purpose against one subject.

    `subject` is a person's id, or the hex SHA-256 of a name that was typed. `moments` are the
    attempts within the window, oldest first; `in_a_row` is how many there were since the last
    success. `told_at` is when somebody was told that no more are let through. None in
    `expires_at` keeps it until a success.
    """

    purpose: str
    subject: str
    moments: tuple[UnixSeconds, ...] = ()
    in_a_row: int = 0
    told_at: UnixSeconds | None = None
    expires_at: UnixSeconds | None = None


class AttemptTable(Protocol):
    """Attempts by purpose and subject, inside one transaction.

    Writers take turns, so what one reads and writes back no other has counted meanwhile.
    """

    async def get(self, purpose: str, subject: str) -> Attempts | None: ...

    async def put(self, attempts: Attempts) -> None:
        """Keep it in place of what there was."""
        ...

    async def forget(self, purpose: str, subject: str, *, at_least: int = 0) -> bool:
        """Start again at zero, where so many came in a row; whether there was such a count."""
        ...

    async def untold(self, purpose: str, at_least: int, limit: int) -> Sequence[Attempts]:
        """Those with so many in a row of which nobody was told, by subject."""
        ...

    async def remove_of(self, subject: str) -> int:
        """Forget one subject for every purpose; how many counts there were."""
        ...

    async def sweep(self, now: UnixSeconds) -> None:
        """Forget what has expired."""
        ...
