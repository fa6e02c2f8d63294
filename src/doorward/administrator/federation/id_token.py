"""What an ID token's claims must say (OpenID Connect Core 1.0, 3.1.3.7). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from doorward.administrator.authentication import digest
from doorward.administrator.federation.ports import VerifiedToken
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.model.ids import UnixSeconds

CLOCK_LEEWAY_SECONDS = 60
"""How far a provider's clock may be from ours."""

_SUBJECT = re.compile(r"[ -~]{1,255}")
_TYPES = frozenset({"", "jwt"})
_HASHES = {"256": "sha256", "384": "sha384", "512": "sha512", "519": "sha512", "DSA": "sha512"}
"""By the last three letters of the algorithm, Ed25519 and EdDSA included."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What this browser's sign-in was begun with. `fresh` wants an authentication since then."""

    issuer: str
    client_id: str
    nonce_digest: str
    begun_at: UnixSeconds
    fresh: bool


@dataclass(frozen=True, slots=True)
class IdClaims:
    """What a provider says of somebody. `authenticated_at` is None where it does not say when."""

    subject: str
    session: str
    authenticated_at: UnixSeconds | None
    acr: str
    amr: tuple[str, ...]
    others: Mapping[str, object]


def check_id_token(
    token: VerifiedToken, expected: Expected, access_token: str, now: UnixSeconds
) -> IdClaims:
    """The claims of a token that answers this sign-in. Raises FederationRejectedError.

    1. It is an ID token, not another kind of token by the same key (RFC 8725, 3.11).
    2. It comes from the issuer, and is meant for this client and authorized by no other.
    3. It is not expired, not of the future, and not older than the sign-in.
    4. It carries the nonce of this sign-in.
    5. It belongs to the access token that came with it, where it says so (3.1.3.8).
    6. It names a subject.
    7. The person was authenticated since the sign-in began, where that was asked: by a clock that
       is a little behind, no earlier than then.
    """
    claims = token.claims
    if token.type.lower() not in _TYPES:
        raise FederationRejectedError("not-an-id-token")
    if claims.get("iss") != expected.issuer:
        raise FederationRejectedError("issuer-wrong")
    check_audience(claims, expected.client_id)
    check_times(claims, now)
    issued_at = number(claims, "iat")
    if issued_at is None or issued_at < expected.begun_at - CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("issued-before-the-sign-in")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(digest(nonce), expected.nonce_digest):
        raise FederationRejectedError("nonce-wrong")
    _check_access_token(token, access_token)
    return IdClaims(
        subject=subject_of(claims),
        session=session_of(claims),
        authenticated_at=_authenticated_at(claims, expected, now),
        acr=_text(claims.get("acr")),
        amr=_texts(claims.get("amr")),
        others=claims,
    )


def check_audience(claims: Mapping[str, object], client_id: str) -> None:
    """`aud` is this client; among others only where `azp` says that it is for this one."""
    audience, authorized = claims.get("aud"), claims.get("azp")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named:
        raise FederationRejectedError("audience-wrong")
    if authorized is None and len(named) == 1:
        return
    if authorized != client_id:
        raise FederationRejectedError("authorized-party-wrong")


def check_times(claims: Mapping[str, object], now: UnixSeconds) -> None:
    """`exp` ahead, `iat` and `nbf` behind, each within the leeway."""
    expires_at, issued_at = number(claims, "exp"), number(claims, "iat")
    if expires_at is None or expires_at <= now - CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("expired")
    if issued_at is None or issued_at > now + CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("issued-in-the-future")
    not_before = number(claims, "nbf")
    if not_before is not None and not_before > now + CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("issued-in-the-future")


def number(claims: Mapping[str, object], name: str) -> float | None:
    """A NumericDate (RFC 7519, 2), None where it is missing. Raises FederationRejectedError."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FederationRejectedError(f"{name}-malformed")
    try:
        seconds = float(value)
    except OverflowError:
        raise FederationRejectedError(f"{name}-malformed") from None
    if not math.isfinite(seconds) or seconds < 0:
        raise FederationRejectedError(f"{name}-malformed")
    return seconds


def subject_of(claims: Mapping[str, object]) -> str:
    """`sub`: at most 255 ASCII characters (Core 2). Raises FederationRejectedError."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise FederationRejectedError("subject-malformed")
    return subject


def session_of(claims: Mapping[str, object]) -> str:
    """`sid`, empty where there is none. Raises FederationRejectedError."""
    session = claims.get("sid", "")
    if not isinstance(session, str) or (session and not _SUBJECT.fullmatch(session)):
        raise FederationRejectedError("sid-malformed")
    return session


def _authenticated_at(
    claims: Mapping[str, object], expected: Expected, now: UnixSeconds
) -> UnixSeconds | None:
    moment = number(claims, "auth_time")
    if moment is not None and moment > now + CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("authenticated-in-the-future")
    if not expected.fresh:
        return moment
    if moment is None or moment < expected.begun_at - CLOCK_LEEWAY_SECONDS:
        raise FederationRejectedError("authentication-not-fresh")
    return max(moment, expected.begun_at)


def _check_access_token(token: VerifiedToken, access_token: str) -> None:
    if "at_hash" not in token.claims:
        return
    name = _HASHES.get(token.algorithm[-3:], "")
    said = token.claims["at_hash"]
    if not name or not isinstance(said, str) or not said.isascii():
        raise FederationRejectedError("access-token-of-another")
    whole = hashlib.new(name, access_token.encode()).digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    if not hmac.compare_digest(half, said):
        raise FederationRejectedError("access-token-of-another")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return ()
    return tuple(value)
