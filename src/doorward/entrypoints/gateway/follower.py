"""Follows control: takes frames into the replica, the decision point, the streams and Envoy.

For each accepted frame, in this order:

1. Make the snapshot ready, off the loop where that takes long. Until then the old one decides.
2. Decide from the new snapshot.
3. Unless the change can only add access for nobody yet let in: void all tickets, and decide the
   streams that it touches again.
4. Bring Envoy's configuration in line where resources or networks changed; no ticket is made
   before it is.
5. Say `Applied` once Envoy holds the epoch of step 3 and the routes of step 4: no older answer can
   be given.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from doorward.adapters.believed_clock import BelievedClock
from doorward.engine import PreparedSnapshot, prepare
from doorward.entrypoints.ext_authz.decision_point import DecisionPoint
from doorward.entrypoints.gateway.envoy_configuration import EnvoyConfiguration
from doorward.entrypoints.relay.streams import Streams
from doorward.model.snapshot import FIELDS, Snapshot
from doorward.protocol.link import Applied, SignedFrame
from doorward.protocol.replica import Accepted, Replica, accept
from doorward.protocol.signing import VerifyingKey

_ADDING_KINDS = frozenset({"session", "cookie", "service_token"})
_COMPILED_KINDS = frozenset({"policy"})
_ROUTED_KINDS = frozenset({"resource", "network"})


class Follower:
    """The decision process's replica and everything that must follow it."""

    def __init__(
        self,
        key: VerifyingKey,
        clock: BelievedClock,
        point: DecisionPoint,
        streams: Streams,
        envoy: EnvoyConfiguration,
        send: Callable[[Applied], bool],
    ) -> None:
        self._key = key
        self._clock = clock
        self._point = point
        self._streams = streams
        self._envoy = envoy
        self._send = send
        self._replica = Replica()
        self._applied = asyncio.Event()
        self._enforced = 0
        self._stale = False

    @property
    def number(self) -> int:
        """The snapshot that is held; 0 for none."""
        return self._replica.snapshot.number

    async def receive(self, signed: SignedFrame) -> None:
        """Take one frame. Raises DoorwardError where it is refused; then nothing changed."""
        accepted = accept(self._replica, signed, self._key, self._clock.now())
        before = self._replica.snapshot
        prepared = await self._prepared(accepted)  # 1
        self._replica = accepted.replica
        self._clock.confirm()
        self._point.prepared = prepared  # 2
        self._stale = False
        if accepted.full or may_turn_an_allow(accepted, before):
            self._envoy.void_tickets()  # 3
            touched = (
                self._streams.all()
                if accepted.full
                else self._streams.touched_by(accepted.changes, before)
            )
            await self._streams.decide_again(touched)
        if accepted.full:
            # The collector would look through the whole snapshot again and again: 60 ms for 2,000
            # people, in which nothing is decided. It holds no cycles.
            gc.freeze()
        if accepted.full or any(item.kind in _ROUTED_KINDS for item in accepted.changes):
            await self._envoy.follow(accepted.replica.snapshot)  # 4
        self._announce()

    def _announce(self) -> None:
        """Let `Applied` be said: of this snapshot, unless Envoy's routes are still another's.

        Then of the last that was enforced, for the new epoch must be watched all the same.
        """
        if self._envoy.holds(self._replica.snapshot):
            self._enforced = self._replica.snapshot.number
        self._applied.set()

    async def mend(self) -> None:
        """Every few seconds: try again where Envoy's configuration could not be brought in line."""
        if self._envoy.trouble:
            await self._envoy.follow(self._replica.snapshot)
            self._announce()

    async def announce(self) -> None:
        """Say `Applied` for what is enforced, once Envoy has caught up; runs for ever.

        Raises CannotEnforceError where Envoy does not take an epoch.
        """
        while True:
            await self._applied.wait()
            self._applied.clear()
            number = self._enforced
            await self._envoy.picked_up()  # 5
            self._send(Applied(number=number))

    async def tick(self, *, log_writable: bool) -> None:
        """Several times a second: void and close as soon as nothing may be allowed any more."""
        denying = (
            self._replica.expired(self._clock.now())
            or not self._clock.believed()
            or not log_writable
        )
        if denying and not self._stale:
            self._envoy.void_tickets()
            self._applied.set()
            await self._streams.decide_again(self._streams.all())
        self._stale = denying

    async def _prepared(self, accepted: Accepted) -> PreparedSnapshot:
        replica, previous = accepted.replica, self._point.prepared
        if previous is not None and not accepted.full and not accepted.changes:
            return previous.with_expiry(replica.expires_at)
        if accepted.full or any(item.kind in _COMPILED_KINDS for item in accepted.changes):
            return await asyncio.to_thread(
                prepare, replica.snapshot, previous, expires_at=replica.expires_at
            )
        return prepare(replica.snapshot, previous, expires_at=replica.expires_at)


def may_turn_an_allow(accepted: Accepted, before: Snapshot) -> bool:
    """Whether the change could turn an allow that was given into a deny."""
    return not all(
        item.kind in _ADDING_KINDS and item.id not in getattr(before, FIELDS[item.kind])
        for item in accepted.changes
    )
