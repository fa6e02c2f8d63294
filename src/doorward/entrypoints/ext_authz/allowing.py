"""What an allow carries: identity headers, the assertion for the upstream, the ticket."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Protocol

from doorward.enforcement.envoy.check import (
    ASSERTION_HEADER,
    DECISION_HEADER,
    EMAIL_HEADER,
    GROUPS_HEADER,
    NAME_HEADER,
    SESSION_HEADER,
    USER_HEADER,
    binding,
)
from doorward.enforcement.envoy.ticket import CLOCK_SKEW_SECONDS, TICKET_COOKIE, scope
from doorward.engine.devices import service_claimed
from doorward.entrypoints.ext_authz.decision_point import Decided
from doorward.model.decision import AccessRequest
from doorward.model.estate import Resource, Service, User
from doorward.model.identity import groups_of
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.protocol.ticket import (
    ASSERTION_LIFETIME_SECONDS,
    ASSERTION_RENEWAL_SECONDS,
    TICKET_LIFETIME_SECONDS,
    AssertionClaims,
    TicketClaims,
    decision_reference,
)

_CACHED_ASSERTIONS = 20_000
_CACHED_TICKETS = 20_000
_SAME_TICKET_SECONDS = 2
_SHORTEST_TICKET_SECONDS = 2
_CONTROL_CHARACTERS = dict.fromkeys([*range(32), 127], " ")


class Signer(Protocol):
    """Signs claims as a compact JWT."""

    def sign(self, claims: TicketClaims | AssertionClaims) -> str: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the upstream serves, in the words of its headers."""

    subject: str
    session: str
    email: str
    name: str
    groups: tuple[str, ...]


def identity_of(request: AccessRequest, snapshot: Snapshot) -> Identity | None:
    """The person or service that an allowed request acts for."""
    holder: User | Service | None = None
    if request.session is not None:
        session = snapshot.sessions.get(request.session)
        holder = snapshot.users.get(session.user) if session is not None else None
    elif request.service_token is not None:
        token = snapshot.service_tokens.get(request.service_token)
        holder = snapshot.services.get(token.service) if token is not None else None
    else:
        holder = snapshot.services.get(service_claimed(request.certificate) or "")
    if holder is None:
        return None
    if isinstance(holder, Service):
        return Identity(f"service:{holder.id}", "", "", _line(holder.name), holder.groups)
    return Identity(
        subject=holder.id,
        session=request.session or "",
        email=_line(holder.email),
        name=_line(holder.name),
        groups=groups_of(holder, snapshot.standings.get(holder.id)),
    )


class Assertions:
    """Signs assertions, and hands the same one out again while it is fresh and still true."""

    def __init__(self, signer: Signer, domain: str) -> None:
        self._signer = signer
        self._issuer = f"https://auth.{domain}"
        self._cache: dict[tuple[str, ...], tuple[Identity, float, str]] = {}

    def assertion(self, identity: Identity, request: AccessRequest, now: UnixSeconds) -> str:
        """An assertion of what was decided, with at least 20 seconds to live."""
        key = (
            identity.subject,
            identity.session,
            request.resource,
            request.action,
            request.area,
        )
        cached = self._cache.get(key)
        if cached is not None:
            known, expires_at, token = cached
            if known == identity and now <= expires_at - ASSERTION_RENEWAL_SECONDS:
                return token
        issued_at = floor(now)
        expires_at = issued_at + ASSERTION_LIFETIME_SECONDS
        token = self._signer.sign(
            AssertionClaims(
                iss=self._issuer,
                aud=request.resource,
                sub=identity.subject,
                sid=identity.session,
                email=identity.email,
                name=identity.name,
                groups=identity.groups,
                iat=issued_at,
                exp=expires_at,
                action=request.action,
                area=request.area,
            )
        )
        if len(self._cache) >= _CACHED_ASSERTIONS:
            self._cache.clear()
        self._cache[key] = (identity, expires_at, token)
        return token

    def forget(self) -> None:
        """Sign anew from here on: after the clock jumped."""
        self._cache.clear()


def identity_headers(identity: Identity, assertion: str, decided: Decided) -> list[tuple[str, str]]:
    """Every identity header, in the order of `check.IDENTITY_HEADERS`."""
    return [
        (USER_HEADER, identity.subject),
        (EMAIL_HEADER, identity.email),
        (NAME_HEADER, identity.name),
        (GROUPS_HEADER, ",".join(identity.groups)),
        (SESSION_HEADER, identity.session),
        (ASSERTION_HEADER, assertion),
        (DECISION_HEADER, decision_reference(decided.id, decided.snapshot.number)),
    ]


class Tickets:
    """Makes tickets, and hands the same one out again to a client that asks again at once.

    That is as if the client had kept the first one: same session, scope, binding and epoch.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._cache: dict[tuple[str | None, ...], _Minted] = {}

    def cookie(
        self,
        decided: Decided,
        request: AccessRequest,
        identity: Identity,
        assertion: str,
        *,
        epoch: int,
        valid_until: UnixSeconds,
    ) -> str:
        """The `Set-Cookie` value of a ticket for this allow; empty where it would end too soon."""
        key = (
            identity.session,
            request.resource,
            request.action,
            request.area,
            request.address,
            thumbprint_of(request),
        )
        made = self._cache.get(key)
        if (
            made is not None
            and made.epoch == epoch
            and made.identity == identity
            and made.resource is decided.snapshot.resources[request.resource]
            and 0 <= decided.at - made.at < _SAME_TICKET_SECONDS
            and made.expires_at <= _latest_expiry(valid_until)
        ):
            return made.cookie
        claims = ticket_claims(
            decided, request, identity, assertion, epoch=epoch, valid_until=valid_until
        )
        if claims is None:
            return ""
        cookie = ticket_cookie(self._signer.sign(claims))
        if len(self._cache) >= _CACHED_TICKETS:
            self._cache.clear()
        resource = decided.snapshot.resources[request.resource]
        self._cache[key] = _Minted(epoch, identity, resource, decided.at, claims.exp, cookie)
        return cookie


@dataclass(frozen=True, slots=True)
class _Minted:
    epoch: int
    identity: Identity
    resource: Resource
    at: UnixSeconds
    expires_at: int
    cookie: str


def _latest_expiry(end: UnixSeconds) -> int:
    """Envoy accepts a ticket through the whole second of `exp` plus its clock skew."""
    return floor(end) - CLOCK_SKEW_SECONDS - 1


def ticket_claims(
    decided: Decided,
    request: AccessRequest,
    identity: Identity,
    assertion: str,
    *,
    epoch: int,
    valid_until: UnixSeconds,
) -> TicketClaims | None:
    """The ticket for this allow, which it never outlives; None where it would end too soon."""
    expires_at = _latest_expiry(min(decided.at + TICKET_LIFETIME_SECONDS, valid_until))
    if expires_at - decided.at < _SHORTEST_TICKET_SECONDS:
        return None
    return TicketClaims(
        sid=identity.session,
        scp=scope(decided.snapshot.resources[request.resource], request.action, request.area),
        epo=str(epoch),
        bnd=binding(request.address, thumbprint_of(request)),
        sub=identity.subject,
        email=identity.email,
        name=identity.name,
        groups=",".join(identity.groups),
        asr=assertion,
        dec=decision_reference(decided.id, decided.snapshot.number),
        exp=expires_at,
    )


def thumbprint_of(request: AccessRequest) -> str | None:
    """The hex SHA-256 of the client's certificate, None without one."""
    return None if request.certificate is None else request.certificate.thumbprint


def ticket_cookie(ticket: str) -> str:
    """The `Set-Cookie` value of a ticket."""
    return (
        f"{TICKET_COOKIE}={ticket}; Path=/; Secure; HttpOnly; SameSite=Lax;"
        f" Max-Age={TICKET_LIFETIME_SECONDS}"
    )


def _line(text: str) -> str:
    return text if text.isprintable() else text.translate(_CONTROL_CHARACTERS)
