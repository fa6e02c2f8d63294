"""Port `AttemptTable` in memory."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.attempt_ports import Attempts
from doorward.model.ids import UnixSeconds


class AttemptsInMemory:
    def __init__(self, items: dict[tuple[str, str], Attempts]) -> None:
        self._items = items

    async def get(self, purpose: str, subject: str) -> Attempts | None:
        return self._items.get((purpose, subject))

    async def put(self, attempts: Attempts) -> None:
        self._items[attempts.purpose, attempts.subject] = attempts

    async def forget(self, purpose: str, subject: str, *, at_least: int = 0) -> bool:
        found = self._items.get((purpose, subject))
        if found is None or found.in_a_row < at_least:
            return False
        del self._items[purpose, subject]
        return True

    async def untold(self, purpose: str, at_least: int, limit: int) -> Sequence[Attempts]:
        found = [
            item
            for item in self._items.values()
            if item.purpose == purpose and item.in_a_row >= at_least and item.told_at is None
        ]
        return sorted(found, key=lambda item: item.subject)[:limit]

    async def remove_of(self, subject: str) -> int:
        found = [place for place in self._items if place[1] == subject]
        for place in found:
            del self._items[place]
        return len(found)

    async def sweep(self, now: UnixSeconds) -> None:
        for place, item in list(self._items.items()):
            if item.expires_at is not None and item.expires_at <= now:
                del self._items[place]
