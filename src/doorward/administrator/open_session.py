"""Begin a session after a successful authentication."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.authentication import Browser, Proof, digest, require_enabled
from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.credentials.still_held import require_still_held
from doorward.administrator.federation.ended import require_standing
from doorward.administrator.federation.worth import worth_now
from doorward.administrator.password_attempts import allow_after
from doorward.administrator.ports import Transaction
from doorward.administrator.settled import settled
from doorward.administrator.sign_in_entries import proved
from doorward.engine.devices import device_shown
from doorward.model.identity import ResourceCookie, Session
from doorward.model.ids import ResourceId, SessionId
from doorward.model.snapshot import Snapshot, change

AUTH = ResourceId("auth")
"""What cookies of the sign-in host name as their resource; no resource may have this id."""


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """A new cookie for one host; `secret` is its value and stored nowhere."""

    session: SessionId
    secret: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session of a transaction; `number` is the snapshot's that will have it."""

    session: SessionId
    secret: str
    number: int


@dataclass(frozen=True, slots=True)
class Sees:
    """A transaction, and the `settled` snapshot before its own changes."""

    transaction: Transaction
    snapshot: Snapshot


async def open_session(
    control: ControlPlane, act: Act, *, proof: Proof, browser: Browser, lifetime_seconds: float
) -> SessionCookie:
    """A session with a new id, and its cookie for the sign-in host.

    Raises what `add_session` and `require_still_held` raise.
    """
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        await require_still_held(transaction, proof, snapshot.authenticators)
        sees = Sees(transaction, snapshot)
        new = await add_session(control, sees, act, proof, browser, lifetime_seconds)
    return await session_cookie(control, new)


async def session_cookie(control: ControlPlane, new: NewSession) -> SessionCookie:
    """The cookie of a session that was committed, once the gateways know it."""
    return SessionCookie(new.session, new.secret, await effect(control, new.number))


async def add_session(
    control: ControlPlane,
    sees: Sees,
    act: Act,
    proof: Proof,
    browser: Browser,
    lifetime_seconds: float,
) -> NewSession:
    """A new session, by the transaction in which `proof` is believed, or still stands.

    What another provider vouched for is as strong as the estate makes it in that transaction.

    Where the browser shows the certificate of the person's own device, the session belongs to it.

    Raises DoorwardError `user-disabled`, and `federation-refused` where the session at the
    provider has ended meanwhile, or the provider is another by now.
    """
    secret = control.secrets.token()
    transaction, snapshot = sees.transaction, sees.snapshot
    require_enabled(snapshot, proof.user)
    await require_standing(transaction, proof, act.at)
    proof = worth_now(snapshot, proof)
    device = device_shown(browser.certificate, proof.user, snapshot, act.at)
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
        device="" if device is None else device.id,
        address=browser.address,
        user_agent=browser.user_agent,
    )
    cookie = ResourceCookie(id=digest(secret), session=session.id, resource=AUTH)
    number = await transaction.snapshot.publish(
        [change("session", session), change("cookie", cookie)]
    )
    await allow_after(transaction, proof, act)
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
    return NewSession(session.id, secret, number)
