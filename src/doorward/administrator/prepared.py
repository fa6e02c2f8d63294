"""The newest snapshot, made ready for what the policy engine is asked on the control plane."""

from __future__ import annotations

import asyncio
import math

from doorward.engine import PreparedSnapshot, prepare
from doorward.model.snapshot import Snapshot


class PreparedSnapshots:
    """Remembers one preparation, the last, and what it computed that still holds."""

    def __init__(self) -> None:
        self._last: PreparedSnapshot | None = None

    async def of(self, snapshot: Snapshot) -> PreparedSnapshot:
        """`snapshot`, ready. It does not expire: the control plane holds the truth itself."""
        last = self._last
        if last is None or last.snapshot is not snapshot:
            last = await asyncio.to_thread(prepare, snapshot, last, expires_at=math.inf)
            self._last = last
        return last
