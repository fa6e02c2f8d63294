"""Step-up: the person of a session proved again who they are."""

from __future__ import annotations

import msgspec

from doorward.administrator.authentication import Browser, Proof, digest
from doorward.administrator.control_plane import Act, ControlPlane, effect
from doorward.administrator.credentials.still_held import require_still_held
from doorward.administrator.federation.ended import require_standing
from doorward.administrator.federation.worth import require_no_less, worth_now
from doorward.administrator.open_session import AUTH, SessionCookie
from doorward.administrator.password_attempts import allow_after
from doorward.administrator.settled import settled
from doorward.administrator.sign_in_entries import proved
from doorward.engine.devices import device_shown, usable_on
from doorward.errors import DoorwardError
from doorward.model.identity import ResourceCookie, Session
from doorward.model.ids import SessionId
from doorward.model.snapshot import change, removal


async def strengthen_session(
    control: ControlPlane, act: Act, *, session: SessionId, proof: Proof, browser: Browser
) -> SessionCookie:
    """Record the new authentication in `session`, with a new cookie for the sign-in host.

    The session is then exactly what the latest authentication proved: an old strong factor must
    not be made to look fresh by a new weak one. A session that a provider vouched for goes on to
    end with the one at the provider that did so last. From now on it belongs to the device whose
    certificate the browser shows, if there is one.

    Raises DoorwardError `session-unknown`, also where `proof` is of another person or of what was
    removed since, or the session belongs to another device; and `federation-refused` where the
    session at the provider has ended, or its word is worth less by now.
    """
    secret = control.secrets.token()
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        found = snapshot.sessions.get(session)
        if found is None or found.user != proof.user or found.expires_at <= act.at:
            raise DoorwardError("session-unknown", "This session has ended.", "Sign in again.")
        device = device_shown(browser.certificate, proof.user, snapshot, act.at)
        if not usable_on(found, device):
            raise DoorwardError("session-unknown", "This session has ended.", "Sign in again.")
        await require_standing(transaction, proof, act.at)
        believed, proof = proof, worth_now(snapshot, proof)
        require_no_less(believed, proof)
        await require_still_held(transaction, proof, snapshot.authenticators)
        stronger = msgspec.structs.replace(
            found,
            authenticated_at=proof.moment(act.at),
            methods=proof.methods,
            phishing_resistant=proof.phishing_resistant,
            multi_factor=proof.multi_factor,
            aal=proof.aal,
            credential=proof.credential,
            device=found.device if device is None else device.id,
            **_provider(found, proof),
        )
        old = [
            removal("cookie", cookie.id)
            for cookie in snapshot.cookies.values()
            if cookie.session == session and cookie.resource == AUTH
        ]
        cookie = ResourceCookie(id=digest(secret), session=session, resource=AUTH)
        number = await transaction.snapshot.publish(
            [*old, change("session", stronger), change("cookie", cookie)]
        )
        await allow_after(transaction, proof, act)
        await transaction.sign_ins.append(proved(proof, browser, session, "stepped-up", act.at))
        await transaction.audit.append(
            at=act.at,
            actor=f"user:{proof.user}",
            act="stepped-up",
            target=f"session:{session}",
            detail={
                "methods": " ".join(proof.methods),
                "aal": str(proof.aal),
                "address": browser.address,
            },
        )
    return SessionCookie(session, secret, await effect(control, number))


def _provider(session: Session, proof: Proof) -> dict[str, str]:
    source: Session | Proof = proof if proof.provider else session
    return {
        "provider": source.provider,
        "provider_subject": source.provider_subject,
        "provider_session": source.provider_session,
    }
