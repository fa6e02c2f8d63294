"""What the provider says of a person: the claims of its ID tokens, logout tokens and userinfo."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from hashlib import sha256

from doorward.model.estate import User
from doorward.model.identity import Method, Session

OPENID = "openid"
OFFLINE = "offline_access"
SCOPES = (OPENID, "profile", "email", "groups", OFFLINE)
CLAIMS = ("sub", "name", "preferred_username", "email", "email_verified", "groups")

ACR_PREFIX = "urn:doorward:aal:"
ACR_VALUES = tuple(f"{ACR_PREFIX}{level}" for level in (1, 2, 3))
"""Authentication context classes: the assurance levels of SP 800-63B."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ID_TOKEN_SECONDS = 300
LOGOUT_TOKEN_SECONDS = 120

Claims = dict[str, object]

_HARDWARE_AAL = 3
_REFERENCES: Mapping[Method, str] = {"password": "pwd", "totp": "otp"}


def context_class(session: Session) -> str:
    """The claim `acr`."""
    return f"{ACR_PREFIX}{session.aal}"


def method_references(session: Session) -> tuple[str, ...]:
    """The claim `amr`, in the values of RFC 8176; what has none there is left out."""
    found = []
    for method in session.methods:
        if method == "passkey":
            found.append("hwk" if session.aal >= _HARDWARE_AAL else "swk")
        elif method in _REFERENCES:
            found.append(_REFERENCES[method])
    return (*found, "mfa") if session.multi_factor else tuple(found)


def user_claims(user: User, groups: Collection[str], scopes: Collection[str]) -> Claims:
    """Who the person is, as far as `scopes` let the application know (Core 5.4)."""
    claims: Claims = {"sub": user.id}
    if "profile" in scopes:
        claims |= {"name": user.name, "preferred_username": user.id}
    if "email" in scopes and user.email:
        # The organisation declares the address, in its estate or directory: see divergences.
        claims |= {"email": user.email, "email_verified": True}
    if "groups" in scopes:
        claims["groups"] = list(groups)
    return claims


def half_hash(token: str) -> str:
    """`at_hash` (Core 3.1.3.6) for RS256 and ES256: the left half of SHA-256, in base64url."""
    return base64url(sha256(token.encode("ascii")).digest()[:16])


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, 4.2)."""
    return base64url(sha256(verifier.encode("ascii")).digest())


def base64url(data: bytes) -> str:
    """Without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def logout_claims(*, issuer: str, client: str, user: str, sid: str, jti: str, now: int) -> Claims:
    """A logout token (Back-Channel Logout 1.0, 2.4). It has no `nonce`, so it is no ID token."""
    return {
        "iss": issuer,
        "aud": client,
        "sub": user,
        "sid": sid,
        "jti": jti,
        "iat": now,
        "exp": now + LOGOUT_TOKEN_SECONDS,
        "events": {LOGOUT_EVENT: {}},
    }
