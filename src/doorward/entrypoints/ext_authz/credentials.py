"""Credentials of a request: strict reading of `Cookie` and `Authorization`.

A request that could be read in two ways is refused, not interpreted.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from doorward.enforcement.envoy.ticket import (
    COOKIE_PREFIX,
    SERVICE_TOKEN_PREFIX,
    SESSION_COOKIE,
    TICKET_COOKIE,
)
from doorward.model.ids import ResourceId, ServiceTokenId, SessionId
from doorward.model.snapshot import Snapshot

FLOW_COOKIE = "__Host-doorward-flow"
_OWN = {name.lower(): name for name in (SESSION_COOKIE, TICKET_COOKIE, FLOW_COOKIE)}
_OWN_PREFIX = COOKIE_PREFIX.lower()

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
_TOKEN = re.compile(r"(dwt_[A-Za-z0-9._-]{1,128})\.([A-Za-z0-9_-]{16,256})")


class AmbiguousCredentialsError(Exception):
    """The request carries doorward credentials twice, of two kinds, or in a form of its own."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client presented, unverified. Empty strings where there is nothing."""

    session_secret: str
    flow_secret: str
    token_id: str
    token_secret: str


def read_credentials(cookies: Sequence[str], authorization: Sequence[str]) -> Credentials:
    """The doorward credentials in these header values. Raises AmbiguousCredentialsError."""
    own = _own_cookies(cookies)
    session = own.get(SESSION_COOKIE, "")
    if session and _SECRET.fullmatch(session) is None:
        raise AmbiguousCredentialsError
    flow = own.get(FLOW_COOKIE, "")
    if _SECRET.fullmatch(flow) is None:
        flow = ""
    token_id, token_secret = _bearer(authorization)
    if session and token_id:
        raise AmbiguousCredentialsError
    return Credentials(session, flow, token_id, token_secret)


def verified_session(
    credentials: Credentials, resource: ResourceId, snapshot: Snapshot
) -> SessionId | None:
    """The session of the cookie, where it is this resource's own."""
    if not credentials.session_secret:
        return None
    cookie = snapshot.cookies.get(sha256(credentials.session_secret.encode()).hexdigest())
    if cookie is None or cookie.resource != resource:
        return None
    return cookie.session


def verified_token(credentials: Credentials, snapshot: Snapshot) -> ServiceTokenId | None:
    """The service token, where its secret is the right one; compared in constant time."""
    if not credentials.token_id:
        return None
    token = snapshot.service_tokens.get(credentials.token_id)
    presented = sha256(credentials.token_secret.encode()).hexdigest()
    if token is None or not hmac.compare_digest(token.secret_hash, presented):
        return None
    return token.id


def without_own_cookies(cookie: str) -> str:
    """A `Cookie` header's value without doorward's cookies, in whatever case they are written."""
    kept = [
        pair
        for pair in (part.strip(" \t") for part in cookie.split(";"))
        if pair and not pair.lower().startswith(_OWN_PREFIX)
    ]
    return "; ".join(kept)


def _own_cookies(headers: Sequence[str]) -> dict[str, str]:
    own: dict[str, str] = {}
    for header in headers:
        for part in header.split(";"):
            name, _, value = part.strip(" \t").partition("=")
            expected = _OWN.get(name.lower())
            if expected is None:
                continue
            if name != expected or name in own:
                raise AmbiguousCredentialsError
            own[name] = value
    return own


def _bearer(headers: Sequence[str]) -> tuple[str, str]:
    found = ("", "")
    for header in headers:
        scheme, _, credential = header.strip(" \t").partition(" ")
        if scheme.lower() != "bearer" or not credential.strip(" \t").startswith(
            SERVICE_TOKEN_PREFIX
        ):
            continue
        match = _TOKEN.fullmatch(credential.strip(" \t"))
        if match is None or len(headers) > 1:
            raise AmbiguousCredentialsError
        found = (match[1], match[2])
    return found
