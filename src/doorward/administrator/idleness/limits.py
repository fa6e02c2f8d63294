"""How long a session may go unused, and how far silence counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds

_HARDWARE = 3
HARDWARE_SECONDS = 900
"""The most at AAL 3 (SP 800-63B-4, 2.3.3)."""
LATE_SECONDS = 900.0
"""So long a source that tells nothing is waited for; its silence counts from then on."""
_LONGEST_PAUSE_SECONDS = 60.0
_SHORTEST_PAUSE_SECONDS = 0.5
_PAUSES_PER_LIMIT = 10


@dataclass(frozen=True, slots=True)
class IdleLimit:
    """The setting `session_idle_seconds`; 0 for none."""

    seconds: int

    def of(self, session: Session) -> int:
        """How long this session may go unused."""
        return min(self.seconds, HARDWARE_SECONDS) if session.aal >= _HARDWARE else self.seconds

    @property
    def pause_seconds(self) -> float:
        """How often activity is written and idle sessions end: once a minute at most.

        Limits below ten minutes are looked after oftener.
        """
        share = self.seconds / _PAUSES_PER_LIMIT
        return min(_LONGEST_PAUSE_SECONDS, max(_SHORTEST_PAUSE_SECONDS, share))


NO_LIMIT = IdleLimit(0)


def last_used(session: Session, heard: UnixSeconds) -> UnixSeconds:
    """When the session was last used: whoever signs in or confirms it uses it."""
    return max(session.started_at, session.authenticated_at, heard)


def heard_everywhere(sources: Mapping[str, UnixSeconds], now: UnixSeconds) -> UnixSeconds:
    """Until when every source has told of all use.

    Silence is nobody's only as far as everybody was heard. One that has told nothing for
    `LATE_SECONDS` no longer holds up the others. What is ahead, by a clock that was set back
    since, says nothing of what is to come.
    """
    return min((now, *(at for at in sources.values() if at > now - LATE_SECONDS)))


def is_idle(
    session: Session, limit: IdleLimit, heard: UnixSeconds, silent_until: UnixSeconds
) -> bool:
    """Whether nobody used the session for its limit, as far as was heard of it.

    `heard` is when it was last heard to be used, `silent_until` what `heard_everywhere` says.
    """
    return last_used(session, heard) + limit.of(session) <= silent_until
