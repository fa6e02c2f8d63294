"""Begin a session after a successful authentication."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.authentication import Browser, Proof, digest, require_enabled
from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.credentials.still_held import require_still_held
from doorward.administrator.federation.ended import require_standing
from doorward.administrator.settled import settled
from doorward.administrator.sign_in_entries import proved
from doorward.engine.devices import device_shown
from doorward.model.identity import ResourceCookie, Session
from doorward.model.ids import ResourceId, SessionId
from doorward.model.snapshot import change

AUTH = ResourceId("auth")
"""What cookies of the sign-in host name as their resource; no resource may have this id."""


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """A new cookie for one host; `secret` is its value and stored nowhere."""

    session: SessionId
    secret: str
    effect: Effect


async def open_session(
    control: ControlPlane, act: Act, *, proof: Proof, browser: Browser, lifetime_seconds: float
) -> SessionCookie:
    """A session with a new id, and its cookie for the sign-in host.

    Where the browser shows the certificate of the person's own device, the session belongs to it.

    Raises DoorwardError `user-disabled`, what `require_still_held` raises, and
    `federation-refused` where the session at the provider has ended meanwhile.
    """
    secret = control.secrets.token()
    session = Session(
        id=SessionId(control.secrets.id("ses")),
        user=proof.user,
        started_at=act.at,
        expires_at=act.at + lifetime_seconds,
        authenticated_at=proof.moment(act.at),
        methods=proof.methods,
        phishing_resistant=proof.phishing_resistant,
        multi_factor=proof.multi_factor,
        aal=proof.aal,
        provider=proof.provider,
        provider_subject=proof.provider_subject,
        provider_session=proof.provider_session,
        credential=proof.credential,
        address=browser.address,
        user_agent=browser.user_agent,
    )
    cookie = ResourceCookie(id=digest(secret), session=session.id, resource=AUTH)
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        require_enabled(snapshot, proof.user)
        device = device_shown(browser.certificate, proof.user, snapshot, act.at)
        if device is not None:
            session = msgspec.structs.replace(session, device=device.id)
        await require_standing(transaction, proof, act.at)
        await require_still_held(transaction, proof, snapshot.authenticators)
        number = await transaction.snapshot.publish(
            [change("session", session), change("cookie", cookie)]
        )
        await transaction.sign_ins.append(proved(proof, browser, session.id, "signed-in", act.at))
        await transaction.audit.append(
            at=act.at,
            actor=f"user:{proof.user}",
            act="signed-in",
            target=f"session:{session.id}",
            detail={
                "methods": " ".join(proof.methods),
                "aal": str(proof.aal),
                "address": browser.address,
                **({"device": session.device} if session.device else {}),
            },
        )
    return SessionCookie(session.id, secret, await effect(control, number))
