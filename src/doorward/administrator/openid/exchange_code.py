"""The token endpoint's first use case: a code becomes tokens, once."""

from __future__ import annotations

from doorward.administrator.openid.codes import (
    CodeData,
    fault_of,
    grant_of_used_code,
    look_at_code,
    spoil_code,
    use_code,
)
from doorward.administrator.openid.provider import Provider, live_session
from doorward.administrator.openid.standing_decision import decide_again
from doorward.administrator.openid.tokens import Basis, Tokens, give_tokens
from doorward.administrator.openid_ports import ClientSession, Grant
from doorward.administrator.ports import Transaction
from doorward.administrator.settled import settled
from doorward.model.estate import Client
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.authorization import granted_scopes
from doorward.protocol.openid.errors import OpenidRefusedError


async def exchange_code(
    provider: Provider,
    client: Client,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
    now: UnixSeconds,
) -> Tokens:
    """Tokens for `code`. Raises OpenidRefusedError `invalid_grant`.

    A code that is presented wrongly is used up. One that comes a second time ends what the first
    time gave: one of the two has stolen it (RFC 6749, 4.1.2).
    """
    data = await _presented(provider, client, code, redirect_uri, verifier, now)
    allow = await decide_again(provider, client, data.authorization, now)
    grant_id, refused = provider.control.secrets.id("gra"), ""
    async with provider.control.store.transaction() as transaction:
        snapshot = await settled(provider.control, transaction)
        session = live_session(snapshot, data.authorization.session, now)
        until = now if session is None else session.expires_at
        if not await use_code(transaction, code, grant_id, now=now, remember_until=until):
            refused = await _end_replayed(transaction, client, code, now)
        elif session is not None and client.id in snapshot.clients:
            sign_in = await _client_session(provider, transaction, client, session, now)
            grant = Grant(
                id=grant_id,
                sid=sign_in.sid,
                authorization=data.authorization,
                created_at=now,
            )
            await transaction.openid.grants.put(grant)
            scopes = granted_scopes(data.authorization.scopes, client)
            basis = Basis(snapshot, client, session, scopes, allow.valid_until, data.nonce)
            return await give_tokens(provider, transaction, grant, basis, now)
    raise _refused(refused)


async def _presented(
    provider: Provider,
    client: Client,
    code: str,
    redirect_uri: str,
    verifier: str,
    now: UnixSeconds,
) -> CodeData:
    async with provider.control.store.transaction() as transaction:
        data = await look_at_code(transaction, code, now)
        if data is None:
            fault = await _end_replayed(transaction, client, code, now)
        else:
            fault = fault_of(data, client.id, redirect_uri, verifier)
            if not fault:
                return data
            await spoil_code(transaction, code, now)
            fault = f"{client.id}: {fault}"
    raise _refused(fault)


async def _end_replayed(
    transaction: Transaction, client: Client, code: str, now: UnixSeconds
) -> str:
    """End what a used code gave; why it is refused, for the audit log."""
    grant_id = await grant_of_used_code(transaction, code, now)
    if grant_id is None:
        return ""
    await transaction.openid.grants.remove([grant_id])
    return f"{client.id}: used a second time"


async def _client_session(
    provider: Provider,
    transaction: Transaction,
    client: Client,
    session: Session,
    now: UnixSeconds,
) -> ClientSession:
    known = await transaction.openid.sessions.newest(session.id, client.id)
    if known is not None and known.ended_at is None:
        return known
    begun = ClientSession(
        sid=provider.control.secrets.id("sid"),
        client=client.id,
        session=session.id,
        user=session.user,
        since=now,
    )
    await transaction.openid.sessions.put(begun)
    return begun


def _refused(why: str) -> OpenidRefusedError:
    return OpenidRefusedError("invalid_grant", "The code is not valid.", why=why)
