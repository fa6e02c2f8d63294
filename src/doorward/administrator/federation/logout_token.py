"""What a logout token's claims must say (OpenID Connect Back-Channel Logout 1.0, 2.6). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from doorward.administrator.federation.id_token import (
    CLOCK_LEEWAY_SECONDS,
    check_audience,
    number,
    session_of,
    subject_of,
)
from doorward.administrator.federation.ports import VerifiedToken
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.model.ids import UnixSeconds

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_AGE_SECONDS = 300
"""How old a logout token may be; its `jti` is remembered for longer."""

_TYPES = frozenset({"", "jwt", "logout+jwt", "application/logout+jwt"})
_ID = re.compile(r"[ -~]{1,255}")


@dataclass(frozen=True, slots=True)
class Logout:
    """Whose sessions end: those of `session`, else all of `subject`. `id` is used once."""

    id: str
    subject: str
    session: str
    forget_at: UnixSeconds


def check_logout_token(
    token: VerifiedToken, issuer: str, client_id: str, now: UnixSeconds
) -> Logout:
    """What a token ends. Raises FederationRejectedError.

    1. It is typed as a logout token, or not typed at all.
    2. It comes from the issuer and is meant for this client.
    3. It was issued lately, not in the future, and is not expired.
    4. It holds the logout event, and no nonce: an ID token is not one (2.4).
    5. It has an id, and names a session or a subject.
    """
    claims = token.claims
    if token.type.lower() not in _TYPES:
        raise FederationRejectedError("not-a-logout-token")
    if claims.get("iss") != issuer:
        raise FederationRejectedError("issuer-wrong")
    check_audience(claims, client_id)
    issued_at, expires_at = number(claims, "iat"), number(claims, "exp")
    if issued_at is None or issued_at > now + CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("issued-in-the-future")
    if issued_at < now - MAX_AGE_SECONDS - CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("expired")
    if expires_at is not None and expires_at <= now - CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("expired")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise FederationRejectedError("logout-event-missing")
    if "nonce" in claims:
        raise FederationRejectedError("logout-with-a-nonce")
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not _ID.fullmatch(token_id):
        raise FederationRejectedError("jti-malformed")
    subject = subject_of(claims) if "sub" in claims else ""
    session = session_of(claims)
    if not subject and not session:
        raise FederationRejectedError("logout-of-nobody")
    forget_at = issued_at + MAX_AGE_SECONDS + 2 * CLOCK_LEEWAY_SECONDS
    return Logout(token_id, subject, session, forget_at)
