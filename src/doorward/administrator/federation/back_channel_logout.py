"""A provider says that a session ended there (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import msgspec

from doorward.administrator.attempts import recorded
from doorward.administrator.authentication import Browser, digest
from doorward.administrator.control_plane import Effect, effect
from doorward.administrator.federation.ended import remember_ended
from doorward.administrator.federation.exchange import verified_token
from doorward.administrator.federation.federation import Federation
from doorward.administrator.federation.logout_token import Logout, check_logout_token
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.administrator.ports import OneTime, Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.model.estate import IdentityProvider
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds

_USED = "logout-token"
_MAX_TOKEN_LENGTH = 16_384


async def log_out(
    federation: Federation, provider_id: str, token: str, *, address: str, now: UnixSeconds
) -> Effect:
    """End the sessions that `token` names, and wait until the gateways enforce it.

    A session that ended before its sign-in here was complete will not begin.
    Raises FederationRejectedError, DoorwardError `provider-unknown`, `provider-unreachable`,
    `provider-invalid`.
    """
    provider = federation.provider(provider_id)
    caller = Browser(address=address, user_agent="", flow="")
    target = f"provider:{provider.id}"
    async with recorded(
        federation.authenticators, caller, method="back-channel-logout", target=target, at=now
    ):
        if len(token) > _MAX_TOKEN_LENGTH:
            raise FederationRejectedError("token-malformed")
        verified = await verified_token(federation, provider, token, now)
        logout = check_logout_token(verified, provider.issuer, provider.client_id, now)
        control = federation.control
        async with control.store.transaction() as transaction:
            await _use_up(transaction, provider, logout, now)
            snapshot = await settled(control, transaction)
            ended = [s for s in snapshot.sessions.values() if _is_meant(s, provider, logout)]
            changes = end_sessions(snapshot, [session.id for session in ended])
            number = await transaction.snapshot.publish(changes)
            for session in ended:
                await transaction.audit.append(
                    at=now,
                    actor=f"provider:{provider.id}",
                    act="session-revoked",
                    target=f"session:{session.id}",
                    detail={"reason": "signed out at the provider", "user": session.user},
                )
    return await effect(control, number)


async def _use_up(
    transaction: Transaction, provider: IdentityProvider, logout: Logout, now: UnixSeconds
) -> None:
    """Accept a token once, and remember what it ended while a sign-in may be coming."""
    key = digest(f"{provider.id}:{logout.id}")
    used = OneTime(purpose=_USED, key=key, data=msgspec.Raw(b"null"), expires_at=logout.forget_at)
    if not await transaction.one_time.add(used, now):
        raise FederationRejectedError("logout-token-replayed")
    await remember_ended(transaction, provider.id, logout, now)


def _is_meant(session: Session, provider: IdentityProvider, logout: Logout) -> bool:
    """By the name of the session, where both have one; else by the subject."""
    if session.provider != provider.id:
        return False
    if logout.session and session.provider_session:
        return session.provider_session == digest(logout.session)
    return bool(logout.subject) and session.provider_subject == digest(logout.subject)
