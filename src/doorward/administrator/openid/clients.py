"""Clients and what they prove themselves by."""

from __future__ import annotations

import hmac
import math

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid_ports import ClientSecret
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.estate import Client
from doorward.model.ids import ClientId, UnixSeconds
from doorward.protocol.openid.credentials import Credentials
from doorward.protocol.openid.errors import OpenidRefusedError

LONGEST_OVERLAP_SECONDS = 30 * 86_400


async def authenticated_client(
    provider: Provider, credentials: Credentials, now: UnixSeconds
) -> Client:
    """The client behind a request. Raises OpenidRefusedError `invalid_client`.

    A public client names itself, and must not present a secret; every other must present its own
    (RFC 6749, 3.2.1).
    """
    client = provider.snapshot.clients.get(credentials.client)
    if client is None:
        raise _unknown("")
    if client.public:
        if credentials.secret:
            raise _unknown(f"{client.id}: a secret, of a client that has none")
        return client
    if not credentials.secret:
        raise _unknown(f"{client.id}: no secret")
    async with provider.control.store.transaction() as transaction:
        secrets = await transaction.openid.secrets.of(client.id, now)
    presented = digest(credentials.secret)
    if not any(hmac.compare_digest(secret.hash, presented) for secret in secrets):
        raise _unknown(f"{client.id}: wrong secret")
    return client


async def issue_client_secret(
    control: ControlPlane, act: Act, client: ClientId, *, overlap_seconds: float
) -> str:
    """A new secret, shown once and stored as its hash. Former ones hold for `overlap_seconds`.

    Raises DoorwardError `client-unknown`, `client-public`, `client-overlap-invalid`.
    """
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        raise DoorwardError(
            "client-overlap-invalid",
            "A former secret holds for 30 days at most.",
            "Choose a shorter time.",
        )
    secret = control.secrets.token()
    async with control.store.transaction() as transaction:
        found = await transaction.snapshot.get("client", client)
        if not isinstance(found, Client):
            raise DoorwardError(
                "client-unknown", f"There is no client `{client}`.", "Declare it in the estate."
            )
        if found.public:
            raise DoorwardError(
                "client-public",
                f"The client `{client}` is public: it could keep no secret.",
                "Take `public` away in the estate if it runs on a server.",
            )
        table = transaction.openid.secrets
        former = await table.of(client, act.at)
        await table.remove(client)
        ends = act.at + overlap_seconds
        for old in former if overlap_seconds else ():
            await table.put(
                ClientSecret(
                    client=client,
                    hash=old.hash,
                    created_at=old.created_at,
                    expires_at=min(ends, old.expires_at or math.inf),
                )
            )
        await table.put(ClientSecret(client=client, hash=digest(secret), created_at=act.at))
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="client-secret-made",
            target=f"client:{client}",
            detail={"former_hold_seconds": str(int(overlap_seconds))},
        )
    return secret


async def forget_client(transaction: Transaction, client: ClientId) -> None:
    """What ends with a client that the estate no longer has: secrets, sign-ins, tokens."""
    openid = transaction.openid
    await openid.secrets.remove(client)
    for item in await openid.sessions.all():
        if item.client == client:
            await openid.grants.remove([grant.id for grant in await openid.grants.of(item.sid)])
            await openid.sessions.remove(item.sid)


def _unknown(why: str) -> OpenidRefusedError:
    return OpenidRefusedError("invalid_client", "The client did not prove who it is.", why=why)
