"""What a grant gives: an access token, an ID token, and for `offline_access` a refresh token.

An access token is opaque and lives five minutes at most, never past the moment at which time alone
would change the decision that it rests on. It is looked up at each use, so that it ends with its
session at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.authentication import digest
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid.signing_keys import signing
from doorward.administrator.openid_ports import Grant, Token
from doorward.administrator.ports import Transaction
from doorward.model.estate import Client
from doorward.model.identity import Session, groups_of
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.protocol.openid.claims import (
    ID_TOKEN_SECONDS,
    OFFLINE,
    Claims,
    half_hash,
    user_claims,
)

ACCESS_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Tokens:
    """A successful answer of the token endpoint; `refresh` is empty where there is none."""

    access: str
    expires_in_seconds: int
    id_token: str
    scopes: tuple[str, ...]
    refresh: str


@dataclass(frozen=True, slots=True)
class Basis:
    """What tokens rest on at the moment when they are given: `snapshot` is the transaction's.

    `nonce` is the authorization request's, empty for none. Time alone changes nothing before
    `valid_until`.
    """

    snapshot: Snapshot
    client: Client
    session: Session
    scopes: tuple[str, ...]
    valid_until: UnixSeconds
    nonce: str = ""


async def give_tokens(
    provider: Provider, transaction: Transaction, grant: Grant, basis: Basis, now: UnixSeconds
) -> Tokens:
    """New tokens of `grant`, kept as hashes in `transaction`."""
    secrets = provider.control.secrets
    access = secrets.token()
    lifetime = max(1, int(min(ACCESS_SECONDS, basis.valid_until - now)))
    table = transaction.openid.grants
    await table.put_token(
        Token(
            hash=digest(access),
            grant=grant.id,
            kind="access",
            issued_at=now,
            expires_at=now + lifetime,
        )
    )
    refresh = ""
    if OFFLINE in grant.authorization.scopes and OFFLINE in basis.client.scopes:
        refresh = secrets.token()
        await table.put_token(
            Token(
                hash=digest(refresh),
                grant=grant.id,
                kind="refresh",
                issued_at=now,
                expires_at=basis.session.expires_at,
            )
        )
    claims = _id_claims(provider, grant, basis, int(now), access)
    key = signing(await transaction.openid.keys.all(), basis.client.id_token_alg, now)
    id_token = provider.signer.sign(key, "JWT", claims)
    return Tokens(access, lifetime, id_token, basis.scopes, refresh)


def person_claims(grant: Grant, snapshot: Snapshot, scopes: tuple[str, ...]) -> Claims:
    """What the application may know of the grant's person, as it is now."""
    user = snapshot.users[grant.authorization.user]
    return user_claims(user, groups_of(user, snapshot.standings.get(user.id)), scopes)


def _id_claims(provider: Provider, grant: Grant, basis: Basis, now: int, access: str) -> Claims:
    rests_on = grant.authorization
    claims: Claims = {
        **person_claims(grant, basis.snapshot, basis.scopes),
        "iss": provider.issuer,
        "aud": rests_on.client,
        "iat": now,
        "exp": now + ID_TOKEN_SECONDS,
        "auth_time": rests_on.auth_time,
        "acr": rests_on.acr,
        "sid": grant.sid,
        "at_hash": half_hash(access),
    }
    if rests_on.amr:
        claims["amr"] = list(rests_on.amr)
    if basis.nonce:
        claims["nonce"] = basis.nonce
    return claims
