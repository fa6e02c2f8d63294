"""Signals about sessions: they end, or count for less. Nothing here ever adds to what one may do.

They may arrive in any order: each concerns only sessions that had begun when it happened.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.federation.asserted_groups import groups_after
from doorward.administrator.federation.ended import remember_ended
from doorward.administrator.federation.logout_token import Logout
from doorward.administrator.receiver.applying import Applying, Done
from doorward.administrator.receiver.set_claims import CLOCK_LEEWAY_SECONDS
from doorward.administrator.sessions_of import end_sessions
from doorward.model.identity import Session
from doorward.model.snapshot import Change, change
from doorward.protocol.signals.events import (
    AssuranceLevelChange,
    CredentialChange,
    TokenClaimsChange,
)

_OF_OTHERS = frozenset({"NIST-IAL", "NIST-FAL"})
"""Scales that say nothing of how somebody authenticated."""
_TAKEN_AWAY = frozenset({"revoke", "delete"})
_STRONG_AAL = 2


def meant(applying: Applying) -> list[Session]:
    """The sessions that are named, else all of the person, as far as they had begun by then."""
    subject = applying.subject
    sessions: Sequence[Session] = subject.sessions or ()
    if subject.sessions is None:
        of_person = applying.snapshot.sessions.values()
        sessions = [s for s in of_person if subject.user and s.user == subject.user.id]
    return [
        session
        for session in sessions
        if session.started_at <= applying.event.at + CLOCK_LEEWAY_SECONDS
        and (subject.device is None or session.device == subject.device.id)
    ]


def vouched(applying: Applying) -> list[Session]:
    """Those of them that rest on the word of the transmitter's provider."""
    provider = applying.transmitter.provider
    return [session for session in meant(applying) if provider and session.provider == provider]


async def session_revoked(applying: Applying) -> Done:
    """Sessions end, and a sign-in by them that is still on its way will not become one."""
    await _remember(applying)
    return _ended(applying, meant(applying))


async def claims_changed(applying: Applying, event: TokenClaimsChange) -> Done:
    """Sessions that rest on the claims end: the next sign-in brings the new ones.

    Groups that the provider asserts are taken away until then, where the change is about them.
    """
    provider = applying.snapshot.providers.get(applying.transmitter.provider)
    done = _ended(applying, vouched(applying))
    user = applying.subject.user
    standing = applying.snapshot.standings.get(user.id) if user else None
    if standing is None or provider is None or provider.groups_claim not in event.claims:
        return done
    left = groups_after(standing.groups, provider, frozenset())
    if left == standing.groups:
        return done
    less = change("standing", msgspec.structs.replace(standing, groups=left))
    return Done((*done.changes, less), f"{done.detail}; asserted groups are asked for anew")


async def credential_changed(applying: Applying, event: CredentialChange) -> Done:
    """A credential there was taken away: sessions that rest on that provider's word end.

    Where one was added or changed, or doorward is not told which sessions rest on it, the
    person has to authenticate anew wherever policies ask how or when they did.
    """
    if event.change_type in _TAKEN_AWAY and applying.transmitter.provider:
        return _ended(applying, vouched(applying))
    concerned = vouched(applying) if applying.transmitter.provider else meant(applying)
    changes = [_change(session, unproven(session)) for session in concerned]
    return _done(changes, "must authenticate anew")


async def assurance_changed(applying: Applying, event: AssuranceLevelChange) -> Done:
    """A lower level there lowers the sessions by that provider; a higher one raises none."""
    if event.namespace in _OF_OTHERS or event.change_direction == "increase":
        return Done()
    level = event.current_level.strip()[-1:]
    if event.namespace != "NIST-AAL" or level not in {"1", "2", "3"}:
        return _ended(applying, vouched(applying))
    changes = [_change(session, lowered(session, int(level))) for session in vouched(applying)]
    return _done(changes, f"AAL {level} at the most")


def unproven(session: Session) -> Session:
    """The session as if its person had proved nothing lately, and not strongly."""
    return msgspec.structs.replace(lowered(session, 1), authenticated_at=0.0)


def lowered(session: Session, aal: int) -> Session:
    """The session at `aal` at the most."""
    strong = aal >= _STRONG_AAL
    return msgspec.structs.replace(
        session,
        aal=min(session.aal, aal),
        multi_factor=session.multi_factor and strong,
        phishing_resistant=session.phishing_resistant and strong and session.aal <= aal,
    )


def _change(before: Session, after: Session) -> list[Change]:
    return [] if before == after else [change("session", after)]


def _done(changes: Sequence[Sequence[Change]], what: str) -> Done:
    flat = tuple(item for items in changes for item in items)
    return Done(flat, f"{len(flat)} sessions: {what}")


def _ended(applying: Applying, sessions: Sequence[Session]) -> Done:
    ended = end_sessions(applying.snapshot, [session.id for session in sessions])
    return Done(tuple(ended), f"{len(sessions)} sessions ended")


async def _remember(applying: Applying) -> None:
    """For as long as a sign-in may take, as a logout at the provider does."""
    provider = applying.snapshot.providers.get(applying.transmitter.provider)
    if provider is None or applying.event.at < applying.now - CLOCK_LEEWAY_SECONDS:
        return
    subject = applying.subject
    logouts = [Logout(applying.event.jti, "", name, 0.0) for name in subject.names]
    if subject.sessions is None and subject.device is None:
        logouts += [Logout(applying.event.jti, name, "", 0.0) for name in subject.subjects]
    for logout in logouts:
        await remember_ended(applying.transaction, provider.id, logout, applying.now)
