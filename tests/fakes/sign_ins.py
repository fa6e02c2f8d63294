"""The log of sign-ins in memory: port `SignInTable` on a dictionary by number."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from doorward.administrator.sign_ins.ports import NewSignIn, SignIn
from doorward.model.ids import UnixSeconds, UserId

_numbers = itertools.count(1)


class SignInMemory:
    """Numbers rise over all stores of the process, so none is given twice."""

    def __init__(self, entries: dict[int, SignIn]) -> None:
        self._entries = entries

    async def append(self, entry: NewSignIn) -> SignIn:
        written = SignIn(**msgspec.structs.asdict(entry), seq=next(_numbers))
        self._entries[written.seq] = written
        return written

    async def of(
        self, user: UserId, *, before: int | None = None, limit: int = 50
    ) -> Sequence[SignIn]:
        own = [
            item
            for item in reversed(self._entries.values())
            if item.user == user and (before is None or item.seq < before)
        ]
        return own[: max(1, min(limit, 1000))]

    async def get(self, user: UserId, seq: int) -> SignIn | None:
        found = self._entries.get(seq)
        return found if found is not None and found.user == user else None

    async def disown(self, user: UserId, seq: int, at: UnixSeconds) -> bool:
        found = await self.get(user, seq)
        if found is None or found.disowned_at is not None:
            return False
        self._entries[seq] = msgspec.structs.replace(found, disowned_at=at)
        return True

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        old = sorted((item.at, item.seq) for item in self._entries.values() if item.at < moment)
        for _, seq in old[:limit]:
            del self._entries[seq]
        return len(old[:limit])

    async def remove_all(self, user: UserId) -> None:
        for seq in [item.seq for item in self._entries.values() if item.user == user]:
            del self._entries[seq]
