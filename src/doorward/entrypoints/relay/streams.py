"""Every stream that may be open, and the decision that keeps it so.

A stream begins as pending, when ext_authz allowed what the relay is to carry; the relay takes it
over once. From the first moment it is decided again whenever a change touches it and whenever
time could.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from doorward.engine.devices import name_in_log
from doorward.entrypoints.ext_authz.decision_point import Asked, Decided, DecisionPoint
from doorward.model.decision import AccessRequest, Allow
from doorward.model.estate import Resource
from doorward.model.identity import Session
from doorward.model.ids import DecisionId, SessionId, UnixSeconds
from doorward.model.snapshot import Change, Snapshot

_PENDING_SECONDS = 10.0
_MAX_STREAMS = 20_000
_DESCRIPTORS_PER_STREAM = 3
"""Two for its ends; and Envoy asks whether it is allowed on a third, where many are at once."""
_OTHER_DESCRIPTORS = 64
"""For the decision log and the link, which must not wait for a stream to end."""
_SHARE = 4
"""One asker holds at most this part of all streams, so that others are still served."""
_SLICE = 25
_NAMED = ("User", "Device", "Resource")
"""Types of entities by which a policy can come to a person or device other than the asker's."""


@dataclass(slots=True)
class Stream:
    """One stream. `close` is set while a relay connection carries it."""

    id: str
    asked: Asked
    decision: DecisionId
    asker: str
    user: str
    upstream: str
    valid_until: UnixSeconds
    pending_since: float
    close: Callable[[], None] | None = None


def most_streams(descriptors: int) -> int:
    """How many streams a process has room for that may open so many descriptors."""
    return max(0, min(_MAX_STREAMS, (descriptors - _OTHER_DESCRIPTORS) // _DESCRIPTORS_PER_STREAM))


class Streams:
    """The streams of one decision process, at most `most` at once."""

    def __init__(
        self, point: DecisionPoint, elapsed: Callable[[], float], most: int = _MAX_STREAMS
    ) -> None:
        self._point = point
        self._elapsed = elapsed
        self._most = most
        self._streams: dict[str, Stream] = {}
        self._held: Counter[str] = Counter()
        self._spoken: set[SessionId] = set()

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, asked: Asked, decided: Decided, resource: Resource) -> str | None:
        """Register what was allowed; its one-time id, or None where there are too many."""
        if not isinstance(decided.decision, Allow):
            return None
        if not resource.upstream.startswith(("http://", "https://")):
            return None
        session = decided.snapshot.sessions.get(asked.request.session or "")
        asker = _asker(asked.request, session)
        if len(self._streams) >= self._most or self._held[asker] * _SHARE >= self._most:
            return None
        stream = Stream(
            id=secrets.token_urlsafe(24),
            asked=asked,
            decision=decided.id,
            asker=asker,
            user=session.user if session is not None else "",
            upstream=resource.upstream,
            valid_until=decided.decision.valid_until,
            pending_since=self._elapsed(),
        )
        self._streams[stream.id] = stream
        self._held[asker] += 1
        return stream.id

    def take(self, stream_id: str, close: Callable[[], None]) -> Stream | None:
        """The pending stream, now carried by whoever gave `close`. Never twice."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.close is not None:
            return None
        stream.close = close
        return stream

    def forget(self, stream: Stream) -> None:
        """The stream has ended."""
        if self._streams.pop(stream.id, None) is None:
            return
        self._held[stream.asker] -= 1
        if not self._held[stream.asker]:
            del self._held[stream.asker]

    def spoke(self, stream: Stream) -> None:
        """The browser said something on it, which is use of its session."""
        if stream.asked.request.session is not None:
            self._spoken.add(stream.asked.request.session)

    def spoken(self) -> tuple[SessionId, ...]:
        """The sessions whose browsers said something since the last time that this was asked."""
        spoken, self._spoken = tuple(self._spoken), set()
        return spoken

    def not_told(self, spoken: Iterable[SessionId]) -> None:
        """Control did not hear of these: they are due again."""
        self._spoken.update(spoken)

    def all(self) -> list[Stream]:
        """Every stream, pending ones too."""
        return list(self._streams.values())

    async def decide_again(self, streams: Iterable[Stream]) -> None:
        """Decide each again, in slices that leave the loop to others; cut what is denied."""
        for count, stream in enumerate(streams, start=1):
            if stream.id in self._streams:
                self._decide(stream)
            if count % _SLICE == 0:
                await asyncio.sleep(0)

    async def tick(self, now: UnixSeconds) -> None:
        """From time to time: what nobody took, and what time alone may have turned."""
        oldest = self._elapsed() - _PENDING_SECONDS
        for stream in list(self._streams.values()):
            if stream.close is None and stream.pending_since < oldest:
                self.forget(stream)
        await self.decide_again(
            [stream for stream in self._streams.values() if stream.valid_until <= now]
        )

    def touched_by(self, changes: Iterable[Change], before: Snapshot) -> list[Stream]:
        """The streams whose answer `changes`, made to `before`, could turn."""
        sessions: set[str] = set()
        users: set[str] = set()
        tokens: set[str] = set()
        devices: set[str] = set()
        for item in changes:
            if item.kind == "session":
                sessions.add(item.id)
            elif item.kind in {"user", "standing"}:
                users.add(item.id)
            elif item.kind == "service_token":
                tokens.add(item.id)
            elif item.kind == "device":
                devices.add(item.id)
            elif item.kind != "cookie":
                return self.all()
        if (users or devices) and self._policies_name_others():
            return self.all()
        return [
            stream
            for stream in self._streams.values()
            if stream.asked.request.session in sessions
            or stream.user in users
            or _owner(stream, before) in users
            or stream.asked.request.service_token in tokens
            or name_in_log(stream.asked.request.certificate) in devices
        ]

    def _policies_name_others(self) -> bool:
        """Whether a policy looks at a person or device that need not be the stream's own."""
        prepared = self._point.prepared
        return prepared is None or not prepared.bundle.named_kinds.isdisjoint(_NAMED)

    def _decide(self, stream: Stream) -> None:
        decided = self._point.decide(stream.asked, "stream", stream.decision)
        resource = decided.snapshot.resources.get(stream.asked.request.resource)
        moved = resource is None or resource.upstream != stream.upstream
        if isinstance(decided.decision, Allow) and not moved:
            stream.valid_until = decided.decision.valid_until
        else:
            self._cut(stream)

    def _cut(self, stream: Stream) -> None:
        self.forget(stream)
        if stream.close is not None:
            stream.close()


def _asker(request: AccessRequest, session: Session | None) -> str:
    """Whose share a stream is of: a person's with all their sessions, a token's, a host's."""
    if session is not None:
        return f"user:{session.user}"
    if request.service_token is not None:
        return f"token:{request.service_token}"
    return f"certificate:{name_in_log(request.certificate)}"


def _owner(stream: Stream, before: Snapshot) -> str:
    resource = before.resources.get(stream.asked.request.resource)
    return "" if resource is None else resource.owner
