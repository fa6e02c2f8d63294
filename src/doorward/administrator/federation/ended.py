"""What has ended, at a provider or here, while a sign-in that rests on it is still on its way."""

from __future__ import annotations

import msgspec

from doorward.administrator.authentication import Proof, digest
from doorward.administrator.federation.flow import LIFETIME_SECONDS
from doorward.administrator.federation.logout_token import Logout
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.administrator.ports import OneTime, Transaction
from doorward.model.ids import ProviderId, UnixSeconds

_SESSION = "ended-at-provider"
_SUBJECT = "signed-out-at-provider"
_UNNAMED = "session-ended-at-provider"
"""Of this subject one session ended: meant is one whose ID token did not name it."""


async def remember_ended(
    transaction: Transaction, provider: ProviderId, logout: Logout, now: UnixSeconds
) -> None:
    """Remember what `logout` ended for as long as a sign-in may take."""
    ended = (
        (_SESSION, logout.session),
        (_UNNAMED if logout.session else _SUBJECT, logout.subject),
    )
    for purpose, name in ended:
        if name:
            await transaction.one_time.put(
                OneTime(
                    purpose=purpose,
                    key=_key(provider, digest(name)),
                    data=msgspec.Raw(msgspec.json.encode(now)),
                    expires_at=now + LIFETIME_SECONDS,
                )
            )


async def require_not_ended(
    transaction: Transaction, provider: ProviderId, session: str, now: UnixSeconds
) -> None:
    """Raises FederationRejectedError where `session`, the SHA-256 of a `sid`, has ended."""
    key = _key(provider, session)
    if session and await transaction.one_time.peek(_SESSION, key, now) is not None:
        raise FederationRejectedError("session-ended-at-provider")


async def require_standing(transaction: Transaction, proof: Proof, at: UnixSeconds) -> None:
    """What a provider vouched for `at` that moment still stands: session, subject and link.

    Asked in the transaction in which a session begins: none slips through between. Raises
    FederationRejectedError.
    """
    if not proof.provider:
        return
    provider = ProviderId(proof.provider)
    await require_not_ended(transaction, provider, proof.provider_session, at)
    key = _key(provider, proof.provider_subject)
    for purpose in (_SUBJECT,) if proof.provider_session else (_SUBJECT, _UNNAMED):
        ended = await transaction.one_time.peek(purpose, key, at)
        # Whoever signs in anew after they signed out everywhere is welcome.
        if ended is not None and msgspec.json.decode(ended.data, type=float) >= at:
            raise FederationRejectedError("session-ended-at-provider")
    links = await transaction.federation.identities(proof.user)
    if (provider, proof.provider_subject) not in {(n.provider, digest(n.subject)) for n in links}:
        raise FederationRejectedError("unlinked-meanwhile")


def _key(provider: ProviderId, hashed: str) -> str:
    return digest(f"{provider}:{hashed}")
