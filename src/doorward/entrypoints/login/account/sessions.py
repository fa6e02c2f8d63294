"""Where a person is signed in, and ending that."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from starlette.responses import Response

from doorward.administrator.end_other_sessions import end_other_sessions
from doorward.administrator.federation.sign_out_there import SignOutThere, sign_out_there
from doorward.administrator.revoke_session import sign_out_session
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.engine import PreparedSnapshot
from doorward.entrypoints.login.account.devices import page_of
from doorward.entrypoints.login.account.refusals import not_yours
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.account.words import by, place, strength
from doorward.entrypoints.login.sign_out import OF_ALL, OF_THIS_BROWSER, signed_out
from doorward.entrypoints.pages.device_words import name_of
from doorward.entrypoints.pages.user_agents import browser_words
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds

HERE = "/account/sessions"


@dataclass(frozen=True, slots=True)
class SessionWords:
    """A session as its person reads it; `applications` are those that it has opened.

    `device` is the one that it belongs to, and is good on alone; empty for none. It ends after
    `idle_minutes` without use; 0 for never.
    """

    id: str
    current: bool
    browser: str
    place: str
    by: str
    strength: str
    started_at: UnixSeconds
    authenticated_at: UnixSeconds
    expires_at: UnixSeconds
    idle_minutes: int
    applications: str
    device: str
    device_href: str


async def show(visit: AccountVisit) -> Response:
    """Every live session, this one first, then the newest."""
    prepared = await visit.wiring.applications.prepared(visit.snapshot)
    found = sorted(own_sessions(visit), key=lambda item: -item.started_at)
    found.sort(key=lambda item: item.id != visit.session.id)
    words = [_words(item, visit, prepared) for item in found]
    return visit.page("account/sessions.html", sessions=words)


async def end(visit: AccountVisit) -> Response:
    """End one session of this person's."""
    named = (await visit.visit.form()).get("session", "")
    session = next((item for item in own_sessions(visit) if item.id == named), None)
    if session is None:
        return await not_yours(visit, "session", named, HERE)
    if session.id == visit.session.id:
        return await sign_out(visit)
    effect = await sign_out_session(
        visit.wiring.control, visit.act, session.id, "ended by its person"
    )
    return visit.done(HERE, "session-ended", effect)


async def end_others(visit: AccountVisit) -> Response:
    """End all but this one."""
    effect = await end_other_sessions(
        visit.wiring.control, visit.act, visit.user.id, visit.session.id
    )
    return visit.done(HERE, "others-ended", effect)


async def sign_out(visit: AccountVisit) -> Response:
    """End this session, in every application."""
    await sign_out_session(visit.wiring.control, visit.act, visit.session.id, "signed out")
    return signed_out(OF_THIS_BROWSER, "/sign-in", await _there(visit))


async def sign_out_of_all(visit: AccountVisit) -> Response:
    """End every session, this one too."""
    await sign_out_everywhere(visit.wiring.control, visit.act, visit.user.id)
    return signed_out(OF_ALL, "/sign-in", await _there(visit))


async def _there(visit: AccountVisit) -> SignOutThere | None:
    return await sign_out_there(visit.wiring.federation, visit.session, visit.visit.now)


def own_sessions(visit: AccountVisit) -> list[Session]:
    """This person's sessions that last."""
    return [
        session
        for session in visit.snapshot.sessions.values()
        if session.user == visit.user.id and visit.now < session.expires_at
    ]


def _words(session: Session, visit: AccountVisit, prepared: PreparedSnapshot) -> SessionWords:
    snapshot = visit.snapshot
    opened = {
        snapshot.resources[cookie.resource].name
        for cookie in snapshot.cookies.values()
        if cookie.session == session.id and cookie.resource in snapshot.resources
    }
    device = snapshot.devices.get(session.device)
    return SessionWords(
        id=session.id,
        current=session.id == visit.session.id,
        browser=browser_words(session.user_agent),
        place=place(session.address, prepared),
        by=by(session.methods, session.provider),
        strength=strength(session),
        started_at=session.started_at,
        authenticated_at=session.authenticated_at,
        expires_at=session.expires_at,
        idle_minutes=ceil(visit.wiring.control.activity.limit.of(session) / 60),
        applications=", ".join(sorted(opened)),
        device="" if device is None else name_of(device),
        device_href="" if device is None else page_of(device.id),
    )
