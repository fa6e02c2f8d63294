"""The authorization endpoint's use case, one question after another.

1. Somebody must be signed in, and be the person whom the application's hint names.
2. The sign-in must be as fresh and as strong as the application asks (`prompt`, `max_age`, `acr`).
3. The policies of the client's resource must allow `read`, and the decision must be recorded.
4. Then there is a code: once, for a minute, for this client, address, challenge and session.

Where no page may be shown (`prompt=none`), each of these is an error for the application instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.openid.codes import CODE_PURPOSE, CODE_SECONDS, CodeData
from doorward.administrator.openid.decisions import Decided, Origin, decide_sign_in
from doorward.administrator.openid.provider import Provider, live_session
from doorward.administrator.openid_ports import Authorization
from doorward.administrator.ports import OneTime
from doorward.administrator.settled import settled
from doorward.model.decision import Allow, Deny, RemedyKind
from doorward.model.estate import Client
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.authorization import AuthorizationRequest
from doorward.protocol.openid.claims import context_class, method_references
from doorward.protocol.openid.errors import OpenidRefusedError

_HARDWARE_AAL = 3


@dataclass(frozen=True, slots=True)
class SignInFirst:
    """Nobody is signed in."""


@dataclass(frozen=True, slots=True)
class StepUpFirst:
    """The sign-in is not fresh or strong enough for the application; `need` is of step-up."""

    need: RemedyKind


@dataclass(frozen=True, slots=True)
class SignInDenied:
    """The policies keep this person out."""

    decided: Decided
    deny: Deny


@dataclass(frozen=True, slots=True)
class CodeIssued:
    """The code, for the redirect URI."""

    code: str


Outcome = SignInFirst | StepUpFirst | SignInDenied | CodeIssued


async def authorize(
    provider: Provider,
    request: AuthorizationRequest,
    client: Client,
    session: Session | None,
    origin: Origin,
    *,
    asked_at: UnixSeconds,
    now: UnixSeconds,
) -> Outcome:
    """What comes of `request`, which came at `asked_at`; `session` is the browser's, live.

    Raises OpenidRefusedError, for the application.
    """
    if session is None:  # 1
        if request.silent:
            raise OpenidRefusedError("login_required", "Nobody is signed in.")
        return SignInFirst()
    if request.hint and not await _is_hinted(provider, request, session):
        raise OpenidRefusedError("login_required", "Somebody else is signed in.")
    need = _need(request, session, asked_at, now)  # 2
    if need is not None:
        if request.silent:
            raise OpenidRefusedError("login_required", "A new authentication is needed.")
        return StepUpFirst(need)
    decided = await decide_sign_in(provider, client, session, origin, now)  # 3
    if not isinstance(decided.decision, Allow):
        if request.silent:
            raise _silently(decided.decision)
        return SignInDenied(decided, decided.decision)
    return CodeIssued(await _code(provider, request, session, origin, now))  # 4


def _need(
    request: AuthorizationRequest, session: Session, asked_at: UnixSeconds, now: UnixSeconds
) -> RemedyKind | None:
    proved_since = session.authenticated_at > asked_at
    too_old = request.max_age is not None and now - session.authenticated_at > request.max_age
    if (request.anew or too_old) and not proved_since:
        return "step-up"
    if session.aal >= request.aal:
        return None
    if proved_since:
        raise OpenidRefusedError(
            "unmet_authentication_requirements", "The authentication was not strong enough."
        )
    return "hardware-key" if request.aal >= _HARDWARE_AAL else "multi-factor"


def _silently(deny: Deny) -> OpenidRefusedError:
    if deny.reason == "log-unavailable":
        return OpenidRefusedError("temporarily_unavailable", "This could not be recorded.")
    curable = deny.remedies and all(remedy.kind != "ask-access" for remedy in deny.remedies)
    if curable:
        return OpenidRefusedError("interaction_required", "The person has something to do first.")
    return OpenidRefusedError("access_denied", "The policies keep this person out.")


async def _is_hinted(provider: Provider, request: AuthorizationRequest, session: Session) -> bool:
    async with provider.control.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
    claims = provider.signer.verified(request.hint, keys)
    if claims is None or claims.get("iss") != provider.issuer:
        raise OpenidRefusedError("invalid_request", "id_token_hint is no ID token of this issuer.")
    return claims.get("sub") == session.user and claims.get("aud") == request.client


async def _code(
    provider: Provider,
    request: AuthorizationRequest,
    session: Session,
    origin: Origin,
    now: UnixSeconds,
) -> str:
    code = provider.control.secrets.token()
    data = CodeData(
        authorization=Authorization(
            client=request.client,
            user=session.user,
            session=session.id,
            scopes=request.scopes,
            address=origin.address,
            certificate=origin.certificate,
            auth_time=int(session.authenticated_at),
            acr=context_class(session),
            amr=method_references(session),
        ),
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        nonce=request.nonce,
    )
    async with provider.control.store.transaction() as transaction:
        if live_session(await settled(provider.control, transaction), session.id, now) is None:
            raise OpenidRefusedError("login_required", "The session has ended.")
        await transaction.one_time.put(
            OneTime(
                purpose=CODE_PURPOSE,
                key=digest(code),
                data=msgspec.Raw(msgspec.json.encode(data)),
                expires_at=now + CODE_SECONDS,
            )
        )
    return code
