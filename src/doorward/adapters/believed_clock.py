"""Wall time that is believed only while it does not run back."""

from __future__ import annotations

import time
from collections.abc import Callable

from doorward.model.ids import UnixSeconds

MAX_JUMP_BACK_SECONDS = 2.0


class BelievedClock:
    """Compares wall time with a clock that never jumps, from the last confirmation on.

    A jump forward needs no care: it can only make things expire.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self.elapsed = monotonic
        self._believed = True
        self._offset = 0.0
        self.confirm()

    def now(self) -> UnixSeconds:
        """Wall time, whether it is believed or not."""
        return self._wall()

    def believed(self) -> bool:
        """False from a jump back of more than two seconds until `confirm`."""
        if self._believed:
            offset = self._wall() - self.elapsed()
            self._offset = max(self._offset, offset)
            self._believed = offset >= self._offset - MAX_JUMP_BACK_SECONDS
        return self._believed

    def confirm(self) -> None:
        """Control's frame agrees with the time as it is now."""
        self._believed = True
        self._offset = self._wall() - self.elapsed()
