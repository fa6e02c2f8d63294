"""What one gateway still has to be told: revisions since the last frame, in bounded memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from doorward.administrator.ports import Revision
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Change, Snapshot
from doorward.protocol.link import Frame

_MAX_PENDING_CHANGES = 10_000


class Outbox:
    """`held` is the snapshot number that the gateway has, or will have once all is delivered."""

    def __init__(self) -> None:
        self._pending: list[Revision] = []
        self._count = 0
        self._whole = False
        self._wake = asyncio.Event()
        self.held = 0

    def put(self, revision: Revision | None) -> None:
        """A new revision; None where only the whole snapshot will do."""
        if revision is None or self._count + len(revision.changes) > _MAX_PENDING_CHANGES:
            self._pending, self._count, self._whole = [], 0, True
        elif not self._whole:
            self._pending.append(revision)
            self._count += len(revision.changes)
        self._wake.set()

    async def wait(self, seconds: float) -> None:
        """Until there is something to say, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def next_frame(self, snapshot: Snapshot, now: UnixSeconds, ttl_seconds: float) -> Frame:
        """The frame that brings the gateway to `snapshot`; a heartbeat where it is there."""
        pending = [item for item in self._pending if item.number > self.held]
        whole = self._whole or not self._continues(pending, snapshot.number)
        self._pending, self._count, self._whole = [], 0, False
        changes: tuple[Change, ...]
        if whole:
            base, changes = 0, tuple(snapshot.changes())
        else:
            base = self.held
            changes = tuple(item for revision in pending for item in revision.changes)
        self.held = snapshot.number
        return Frame(
            base=base,
            number=snapshot.number,
            issued_at=now,
            expires_at=now + ttl_seconds,
            changes=changes,
        )

    def _continues(self, pending: list[Revision], number: int) -> bool:
        if self.held == 0:
            return False
        numbers = [item.number for item in pending]
        return numbers == list(range(self.held + 1, number + 1))
