"""When sessions were last used, as far as this process has heard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from doorward.administrator.idleness.limits import NO_LIMIT, IdleLimit
from doorward.model.decision import DecisionRecord, ReasonCode
from doorward.model.ids import UnixSeconds

_NOT_THE_PERSON: frozenset[ReasonCode] = frozenset({"session-expired", "device-mismatch"})
"""Denials that say that whoever asked may not use the session: asking is no use of it."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What the store is to be told next."""

    used: Mapping[str, UnixSeconds]
    sources: Mapping[str, UnixSeconds]


class Activity:
    """In memory; `end_idle` writes it. Without a limit it keeps nothing.

    `source` is the name of this process among those that hear of use.
    """

    def __init__(self, limit: IdleLimit = NO_LIMIT, source: str = "control") -> None:
        self.limit = limit
        self.source = source
        self._used: dict[str, UnixSeconds] = {}
        self._changed: set[str] = set()
        self._sources: dict[str, UnixSeconds] = {}

    def used(self, session: str, at: UnixSeconds) -> None:
        """Somebody used the session."""
        if self.limit.seconds and session and at > self.last(session):
            self._used[session] = at
            self._changed.add(session)

    def decided(self, records: Iterable[DecisionRecord], now: UnixSeconds) -> None:
        """Decisions of a gateway. Those on open streams are the gateway's own doing."""
        for record in records:
            if record.source != "stream" and record.reason not in _NOT_THE_PERSON:
                self.used(record.session, min(record.at, now))

    def told(self, gateway: str, until: UnixSeconds) -> None:
        """A gateway has told of all use `until` then."""
        if self.limit.seconds:
            self._sources[gateway] = max(until, self._sources.get(gateway, 0.0))

    def last(self, session: str) -> UnixSeconds:
        """When the session was last heard to be used; 0 for never."""
        return self._used.get(session, 0.0)

    def learn(self, used: Mapping[str, UnixSeconds]) -> None:
        """Take over what others wrote."""
        for session, at in used.items():
            self._used[session] = max(at, self.last(session))

    def keep(self, sessions: Collection[str]) -> None:
        """Forget all other sessions: they have ended."""
        for session in self._used.keys() - set(sessions):
            del self._used[session]
            self._changed.discard(session)

    def unwritten(self, now: UnixSeconds) -> Unwritten:
        """What changed since the last time that this was asked."""
        used = {session: self._used[session] for session in self._changed}
        self._changed.clear()
        return Unwritten(used, {**self._sources, self.source: now})

    def not_written(self, unwritten: Unwritten) -> None:
        """The store refused it: it is due again."""
        self._changed.update(unwritten.used.keys() & self._used.keys())
