"""Logout that an application begins (RP-Initiated Logout 1.0): whose, and where it leads then."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.openid.provider import Provider
from doorward.model.estate import Client
from doorward.model.identity import Session
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.parameters import Parameters

_KNOWN = (
    "id_token_hint",
    "logout_hint",
    "client_id",
    "post_logout_redirect_uri",
    "state",
    "ui_locales",
)


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A logout that was asked for. Without `redirect_uri` it ends on a page of ours.

    `sid` is the sign-in that the hint proves the application to know of, empty without a hint.
    """

    client: Client | None
    redirect_uri: str
    state: str
    sid: str
    user: str


async def read_logout(provider: Provider, parameters: Parameters) -> LogoutRequest:
    """What is asked. Raises OpenidRefusedError, for a page: nothing of this is led anywhere.

    1. No parameter stands there twice.
    2. A hint is an ID token of this issuer, by a key that is published. It may have expired: the
       sign-in it speaks of may last longer than the token.
    3. The hint and `client_id` name one and the same client.
    4. `post_logout_redirect_uri` is one that this client registered, character by character.
    """
    parameters.require_plain(_KNOWN)  # 1
    hint = await _hinted(provider, parameters.get("id_token_hint"))  # 2
    named = parameters.get("client_id")
    audience = hint.get("aud", "")
    if named and audience and named != audience:  # 3
        raise OpenidRefusedError("invalid_request", "client_id and id_token_hint disagree.")
    client = provider.snapshot.clients.get(named or audience)
    redirect_uri = parameters.get("post_logout_redirect_uri")
    if redirect_uri and (client is None or redirect_uri not in client.post_logout_redirect_uris):
        raise OpenidRefusedError(  # 4
            "invalid_request", "The address to go on to is not one that the application registered."
        )
    return LogoutRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=parameters.get("state") if redirect_uri else "",
        sid=hint.get("sid", ""),
        user=hint.get("sub", ""),
    )


async def is_own_logout(provider: Provider, request: LogoutRequest, session: Session) -> bool:
    """Whether the hint proves that the application knows of this very session.

    Only then nobody is asked: a page of another site could otherwise sign people out at will.
    """
    if not request.sid or request.client is None:
        return False
    async with provider.control.store.transaction() as transaction:
        known = await transaction.openid.sessions.get(request.sid)
    return (
        known is not None
        and known.session == session.id
        and known.client == request.client.id
        and known.user == request.user
    )


async def _hinted(provider: Provider, hint: str) -> dict[str, str]:
    if not hint:
        return {}
    async with provider.control.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
    claims = provider.signer.verified(hint, keys)
    if claims is None or claims.get("iss") != provider.issuer:
        raise OpenidRefusedError("invalid_request", "id_token_hint is no ID token of this issuer.")
    return {name: value for name, value in claims.items() if isinstance(value, str)}
