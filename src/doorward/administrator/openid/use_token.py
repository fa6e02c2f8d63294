"""What tokens open at the provider itself: userinfo, and their own end (RFC 7009)."""

from __future__ import annotations

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.openid.provider import Provider, live_session
from doorward.administrator.openid.standing_decision import decide_again
from doorward.administrator.openid.tokens import person_claims
from doorward.administrator.openid_ports import Grant
from doorward.administrator.settled import settled
from doorward.model.estate import Client
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.protocol.openid.claims import OPENID, Claims
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.metadata import USERINFO


async def userinfo(provider: Provider, access: str, now: UnixSeconds) -> Claims:
    """Who the token's person is, as the estate has it now.

    The token, its grant, session, person and client must all still be there, and the policies
    must still allow it; else it raises OpenidRefusedError `invalid_token`, or DoorwardError
    `log-unavailable` where the decision cannot be recorded.
    """
    snapshot, client, grant = await _granted(provider, access, now)
    try:
        await decide_again(provider, client, grant.authorization, now, asked=("GET", USERINFO))
    except OpenidRefusedError:
        raise _invalid() from None
    allowed = {OPENID, *client.scopes}
    scopes = tuple(s for s in grant.authorization.scopes if s in allowed)
    return person_claims(grant, snapshot, scopes)


async def _granted(
    provider: Provider, access: str, now: UnixSeconds
) -> tuple[Snapshot, Client, Grant]:
    """Whose token `access` is and what it rests on, with the snapshot that says so."""
    async with provider.control.store.transaction() as transaction:
        snapshot = await settled(provider.control, transaction)
        table = transaction.openid.grants
        token = await table.token(digest(access)) if access else None
        if token is not None and token.kind == "access" and now < token.expires_at:
            grant = await table.get(token.grant)
            if grant is not None:
                client = snapshot.clients.get(grant.authorization.client)
                session = live_session(snapshot, grant.authorization.session, now)
                if client is not None and session is not None:
                    return snapshot, client, grant
    raise _invalid()


def _invalid() -> OpenidRefusedError:
    return OpenidRefusedError("invalid_token", "The access token is not valid.")


async def revoke_token(provider: Provider, client: Client, token: str, now: UnixSeconds) -> None:
    """End an access token, or a refresh token with its whole grant.

    One that is not there is no error (RFC 7009, 2.2). Raises OpenidRefusedError
    `unauthorized_client` for one of another client.
    """
    why = ""
    async with provider.control.store.transaction() as transaction:
        table = transaction.openid.grants
        found = await table.token(digest(token))
        grant = await table.get(found.grant) if found is not None else None
        if found is None or grant is None:
            return
        if grant.authorization.client != client.id:
            why = f"{client.id}: a token of {grant.authorization.client}"
        elif found.kind == "refresh":
            await table.remove([grant.id])
        else:
            ends = min(now, found.expires_at)
            await table.put_token(msgspec.structs.replace(found, expires_at=ends))
    if why:
        raise OpenidRefusedError("unauthorized_client", "That is another client's token.", why=why)
