"""What the log of sign-ins says of an authentication. Pure."""

from __future__ import annotations

from typing import Literal

from doorward.administrator.authentication import Browser, Proof
from doorward.administrator.sign_ins.ports import NewSignIn
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UnixSeconds, UserId


def proved(
    proof: Proof,
    browser: Browser,
    session: SessionId,
    outcome: Literal["signed-in", "stepped-up"],
    at: UnixSeconds,
) -> NewSignIn:
    """An authentication that began or strengthened `session`."""
    return NewSignIn(
        at=at,
        user=proof.user,
        outcome=outcome,
        methods=proof.methods,
        address=browser.address,
        user_agent=browser.user_agent,
        session=session,
        aal=proof.aal,
        provider=proof.provider,
    )


def refused(user: UserId, browser: Browser, method: str, why: str, at: UnixSeconds) -> NewSignIn:
    """An attempt to be `user` that proved nothing."""
    return NewSignIn(
        at=at,
        user=user,
        outcome="rejected",
        methods=(method,),
        address=browser.address,
        user_agent=browser.user_agent,
        why=why,
    )


def went_idle(session: Session, at: UnixSeconds) -> NewSignIn:
    """The end of a session that nobody used."""
    return NewSignIn(
        at=at,
        user=session.user,
        outcome="went-idle",
        methods=session.methods,
        address=session.address,
        user_agent=session.user_agent,
        session=session.id,
        aal=session.aal,
        provider=session.provider,
    )
