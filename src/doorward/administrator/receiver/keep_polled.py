"""Which transmitters are to be polled, and when: at once for more, later after errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from doorward.administrator.receiver.poll import Receipts, poll
from doorward.administrator.receiver.receiver import Receiver
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.transmitter import Transmitter

MAX_PAUSE_SECONDS = 300.0
MOST_AT_ONCE = 100
"""So many polls in a row; what a transmitter then still has waits for the next turn."""


@dataclass(slots=True)
class _Polled:
    issuer: str
    due_at: UnixSeconds = 0.0
    failures: int = 0
    busy: bool = False
    receipts: Receipts = field(default_factory=Receipts)


class Poller:
    """The polls of one process. A failure doubles the pause, up to five minutes."""

    def __init__(self, receiver: Receiver, every_seconds: float) -> None:
        self._receiver = receiver
        self._every_seconds = every_seconds
        self._polled: dict[str, _Polled] = {}

    def due(self, now: UnixSeconds) -> Sequence[Transmitter]:
        """Those to poll now; each of them is busy until its `poll` is over."""
        found = []
        for transmitter in self._receiver.transmitters():
            if transmitter.delivery != "poll":
                continue
            state = self._of(transmitter)
            # A clock that was set back must not make a transmitter wait for it to catch up.
            state.due_at = min(state.due_at, now + MAX_PAUSE_SECONDS)
            if not state.busy and state.due_at <= now:
                state.busy = True
                found.append(transmitter)
        return found

    async def poll(self, transmitter: Transmitter, clock: Callable[[], UnixSeconds]) -> None:
        """Poll until nothing is left, within bounds; what goes wrong stands in `troubles`."""
        state = self._of(transmitter)
        state.failures += 1
        try:
            for _ in range(MOST_AT_ONCE):
                if not await poll(self._receiver, transmitter, state.receipts, clock()):
                    break
        except DoorwardError as error:
            self._receiver.troubles[transmitter.id] = error
        else:
            state.failures = 0
            self._receiver.troubles.pop(transmitter.id, None)
        finally:
            pause = self._every_seconds * 2 ** min(state.failures, 16)
            state.due_at = clock() + min(pause, max(MAX_PAUSE_SECONDS, self._every_seconds))
            state.busy = False

    def _of(self, transmitter: Transmitter) -> _Polled:
        state = self._polled.get(transmitter.id)
        if state is None or state.issuer != transmitter.issuer:
            state = self._polled[transmitter.id] = _Polled(transmitter.issuer)
        return state
