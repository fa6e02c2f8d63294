"""What the OpenID Provider keeps: grants, tokens, sign-ins to clients, signing keys, secrets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, Table, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import (
    client_secret,
    openid_grant,
    openid_session,
    openid_token,
    signing_key,
    snapshot_document,
)
from doorward.administrator.openid_ports import (
    Authorization,
    ClientSecret,
    ClientSession,
    Grant,
    SigningKey,
    Token,
)
from doorward.model.ids import ClientId, SessionId, UnixSeconds

_encoder = msgspec.json.Encoder()
_authorizations = msgspec.json.Decoder(Authorization)
_jwks = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Openid:
    """Port `OpenidTables` on one connection's transaction."""

    grants: Grants
    sessions: ClientSessions
    keys: SigningKeys
    secrets: ClientSecrets

    @classmethod
    def on(cls, connection: AsyncConnection) -> Openid:
        """Every table on `connection`."""
        return cls(
            Grants(connection),
            ClientSessions(connection),
            SigningKeys(connection),
            ClientSecrets(connection),
        )


class Grants:
    """Port `GrantTable`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, grant: Grant) -> None:
        await _replace(
            self._connection,
            openid_grant,
            "id",
            {
                "id": grant.id,
                "sid": grant.sid,
                "body": _encoder.encode(grant.authorization).decode(),
                "created_at": grant.created_at,
            },
        )

    async def get(self, grant_id: str) -> Grant | None:
        rows = await self._connection.execute(
            select(openid_grant).where(openid_grant.c.id == grant_id)
        )
        row = rows.first()
        return None if row is None else _grant(row)

    async def of(self, sid: str) -> Sequence[Grant]:
        rows = await self._connection.execute(
            select(openid_grant)
            .where(openid_grant.c.sid == sid)
            .order_by(openid_grant.c.created_at, openid_grant.c.id)
        )
        return [_grant(row) for row in rows]

    async def remove(self, grant_ids: Collection[str]) -> None:
        for column in (openid_token.c.grant, openid_grant.c.id):
            await self._connection.execute(delete(column.table).where(column.in_(list(grant_ids))))

    async def put_token(self, token: Token) -> None:
        await _replace(self._connection, openid_token, "hash", msgspec.structs.asdict(token))

    async def token(self, token_hash: str) -> Token | None:
        rows = await self._connection.execute(
            select(openid_token).where(openid_token.c.hash == token_hash)
        )
        row = rows.first()
        return None if row is None else Token(**_fields(row))

    async def sweep(self, now: UnixSeconds) -> None:
        await self._connection.execute(delete(openid_token).where(openid_token.c.expires_at <= now))
        left = exists().where(openid_token.c.grant == openid_grant.c.id)
        await self._connection.execute(delete(openid_grant).where(~left))


class ClientSessions:
    """Port `ClientSessionTable`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, item: ClientSession) -> None:
        await _replace(self._connection, openid_session, "sid", msgspec.structs.asdict(item))

    async def get(self, sid: str) -> ClientSession | None:
        found = await self._find(openid_session.c.sid == sid)
        return found[0] if found else None

    async def newest(self, session: SessionId, client: ClientId) -> ClientSession | None:
        table = openid_session.c
        found = await self._find(table.session == session, table.client == client)
        return next((item for item in found if item.ended_at is None), next(iter(found), None))

    async def all(self) -> Sequence[ClientSession]:
        return await self._find()

    async def orphaned(self) -> Sequence[ClientSession]:
        document = snapshot_document.c
        lives = exists().where(document.kind == "session", document.id == openid_session.c.session)
        return await self._find(openid_session.c.ended_at.is_(None), ~lives)

    async def due(
        self, now: UnixSeconds, limit: int, besides: Collection[ClientId] = ()
    ) -> Sequence[ClientSession]:
        table = openid_session.c
        rows = await self._connection.execute(
            select(openid_session)
            .where(table.ended_at.is_not(None), table.due_at <= now)
            .where(table.client.not_in(list(besides)))
            .order_by(table.due_at, table.sid)
            .limit(limit)
        )
        return [ClientSession(**_fields(row)) for row in rows]

    async def remove(self, sid: str) -> None:
        await self._connection.execute(delete(openid_session).where(openid_session.c.sid == sid))

    async def _find(self, *conditions: Any) -> Sequence[ClientSession]:  # noqa: ANN401 - SQL
        table = openid_session.c
        rows = await self._connection.execute(
            select(openid_session).where(*conditions).order_by(table.since.desc(), table.sid.desc())
        )
        return [ClientSession(**_fields(row)) for row in rows]


class SigningKeys:
    """Port `SigningKeyTable`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[SigningKey]:
        rows = await self._connection.execute(
            select(signing_key).order_by(signing_key.c.active_from, signing_key.c.id)
        )
        return [_signing_key(row) for row in rows]

    async def put(self, key: SigningKey) -> None:
        fields = msgspec.structs.asdict(key)
        fields["public"] = _encoder.encode(key.public).decode()
        await _replace(self._connection, signing_key, "id", fields)

    async def remove(self, key_id: str) -> None:
        await self._connection.execute(delete(signing_key).where(signing_key.c.id == key_id))


class ClientSecrets:
    """Port `ClientSecretTable`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[ClientSecret]:
        return await self._find()

    async def of(self, client: ClientId, now: UnixSeconds) -> Sequence[ClientSecret]:
        table = client_secret.c
        return await self._find(
            table.client == client, table.expires_at.is_(None) | (table.expires_at > now)
        )

    async def put(self, secret: ClientSecret) -> None:
        await _replace(self._connection, client_secret, "hash", msgspec.structs.asdict(secret))

    async def remove(self, client: ClientId) -> None:
        await self._connection.execute(
            delete(client_secret).where(client_secret.c.client == client)
        )

    async def _find(self, *conditions: Any) -> Sequence[ClientSecret]:  # noqa: ANN401 - SQL
        table = client_secret.c
        rows = await self._connection.execute(
            select(client_secret).where(*conditions).order_by(table.created_at, table.hash)
        )
        return [ClientSecret(**_fields(row)) for row in rows]


async def _replace(
    connection: AsyncConnection, table: Table, key: str, values: dict[str, Any]
) -> None:
    await connection.execute(delete(table).where(table.c[key] == values[key]))
    await connection.execute(insert(table).values(values))


def _fields(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict


def _grant(row: Row[*tuple[Any, ...]]) -> Grant:
    return Grant(
        id=row.id,
        sid=row.sid,
        authorization=_authorizations.decode(row.body),
        created_at=row.created_at,
    )


def _signing_key(row: Row[*tuple[Any, ...]]) -> SigningKey:
    fields = _fields(row)
    fields["public"], fields["sealed"] = _jwks.decode(row.public), bytes(row.sealed)
    return SigningKey(**fields)
