"""The token endpoint's second use case: a refresh token becomes new tokens, and ends.

Each works once (RFC 9700, 4.14.2). One that comes again was stolen, from the application or by it:
whoever has the newer one loses it too, the person is told, and an application that was wronged
sends them to sign in.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.mail import Notice
from doorward.administrator.notices import notify_person
from doorward.administrator.openid.provider import Provider, live_session
from doorward.administrator.openid.standing_decision import decide_again
from doorward.administrator.openid.tokens import Basis, Tokens, give_tokens
from doorward.administrator.openid_ports import Grant, Token
from doorward.administrator.ports import Transaction
from doorward.administrator.settled import settled
from doorward.model.estate import Client
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.claims import OFFLINE, OPENID
from doorward.protocol.openid.errors import OpenidRefusedError


@dataclass(frozen=True, slots=True)
class _Found:
    token: Token
    grant: Grant


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a refresh token gives nothing; `stolen` is the grant that ended because of it."""

    why: str = ""
    stolen: Grant | None = None


async def refresh_tokens(
    provider: Provider,
    client: Client,
    *,
    refresh: str,
    scope: str,
    now: UnixSeconds,
) -> Tokens:
    """New tokens, by the policies as they are now. Raises OpenidRefusedError.

    `scope` may ask for fewer scopes than were granted; empty asks for all of them. What was
    granted at sign-in and what the estate allows the client now both bound them.
    """
    async with provider.control.store.transaction() as transaction:
        found = await _find(transaction, client, refresh, now)
    if isinstance(found, _Refusal):
        raise await _refused(provider, client, found)
    if OFFLINE not in client.scopes:
        raise OpenidRefusedError("invalid_grant", "The client may not refresh any more.")
    scopes = _scopes(found.grant, client, scope)
    allow = await decide_again(provider, client, found.grant.authorization, now)
    async with provider.control.store.transaction() as transaction:
        snapshot = await settled(provider.control, transaction)
        # Of two that come at once, the second finds here that the first was faster.
        found = await _find(transaction, client, refresh, now)
        if isinstance(found, _Found):
            session = live_session(snapshot, found.grant.authorization.session, now)
            if session is not None and client.id in snapshot.clients:
                used = msgspec.structs.replace(found.token, used_at=now)
                await transaction.openid.grants.put_token(used)
                basis = Basis(snapshot, client, session, scopes, allow.valid_until)
                return await give_tokens(provider, transaction, found.grant, basis, now)
            found = _Refusal()
    raise await _refused(provider, client, found)


async def _find(
    transaction: Transaction, client: Client, refresh: str, now: UnixSeconds
) -> _Found | _Refusal:
    table = transaction.openid.grants
    token = await table.token(digest(refresh))
    if token is None or token.kind != "refresh" or now >= token.expires_at:
        return _Refusal()
    grant = await table.get(token.grant)
    if grant is None:
        return _Refusal()
    if grant.authorization.client != client.id:
        return _Refusal(f"{client.id}: a refresh token of {grant.authorization.client}")
    if token.used_at is None:
        return _Found(token, grant)
    await table.remove([grant.id])
    await transaction.audit.append(
        at=now,
        actor=f"client:{client.id}",
        act="refresh-token-reused",
        target=f"user:{grant.authorization.user}",
        detail={"grant": grant.id, "session": grant.authorization.session},
    )
    return _Refusal(stolen=grant)


def _scopes(grant: Grant, client: Client, wanted: str) -> tuple[str, ...]:
    granted = grant.authorization.scopes
    asked = set(wanted.split()) or set(granted)
    if not asked <= set(granted) or OPENID not in asked:
        raise OpenidRefusedError("invalid_scope", "That is more than was granted.")
    allowed = (OPENID, *client.scopes)
    return tuple(scope for scope in granted if scope in asked and scope in allowed)


async def _refused(provider: Provider, client: Client, refusal: _Refusal) -> OpenidRefusedError:
    if refusal.stolen is not None:
        person = provider.snapshot.users.get(refusal.stolen.authorization.user)
        if person is not None:
            await notify_person(provider.control, person, _warning(client))
    return OpenidRefusedError("invalid_grant", "The refresh token is not valid.", why=refusal.why)


def _warning(client: Client) -> Notice:
    return Notice(
        subject=f"Your sign-in to {client.name} was ended",
        text=(
            f"Somebody used an outdated key of your sign-in to {client.name}.\n\n"
            "Such a key works once, so two parties hold it who should not. The sign-in was ended "
            "for both, and nothing else of yours was touched.\n\n"
            f"Sign in to {client.name} again. If this comes back, tell the people who run doorward "
            "in your organisation.\n"
        ),
    )
