"""Which documents end with a session or a person's sign-ins. Pure."""

from __future__ import annotations

from collections.abc import Collection

from doorward.model.ids import DeviceId, SessionId, UserId
from doorward.model.snapshot import Change, Snapshot, removal


def sessions_of(snapshot: Snapshot, user: UserId) -> tuple[SessionId, ...]:
    """The sessions of one person."""
    return tuple(item.id for item in snapshot.sessions.values() if item.user == user)


def sessions_on(snapshot: Snapshot, device: DeviceId) -> tuple[SessionId, ...]:
    """The sessions that belong to one device."""
    return tuple(item.id for item in snapshot.sessions.values() if item.device == device)


def end_sessions(snapshot: Snapshot, sessions: Collection[SessionId]) -> list[Change]:
    """The changes that end `sessions`, with every cookie that stands for one of them."""
    ended = frozenset(sessions)
    cookies = [
        removal("cookie", cookie.id)
        for cookie in snapshot.cookies.values()
        if cookie.session in ended
    ]
    return [*(removal("session", session) for session in sessions), *cookies]
