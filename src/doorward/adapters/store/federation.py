"""Links between people and providers, and the sealed secrets of doorward as a client."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, delete, insert, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import federated_identity, provider_secret
from doorward.administrator.federation_table import FederatedIdentity
from doorward.model.ids import ProviderId, UserId


class FederationLinks:
    """Port `FederationTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def identity(self, provider: ProviderId, subject: str) -> FederatedIdentity | None:
        rows = await self._connection.execute(
            select(federated_identity).where(
                federated_identity.c.provider == provider, federated_identity.c.subject == subject
            )
        )
        row = rows.first()
        return None if row is None else FederatedIdentity(**row._mapping)  # noqa: SLF001 - a row's dict

    async def identities(self, user: UserId) -> Sequence[FederatedIdentity]:
        columns = federated_identity.c
        rows = await self._connection.execute(
            select(federated_identity)
            .where(columns.user == user)
            .order_by(columns.provider, columns.linked_at, columns.subject)
        )
        return [FederatedIdentity(**row._mapping) for row in rows]  # noqa: SLF001 - a row's dict

    async def put(self, identity: FederatedIdentity) -> None:
        # Only the person's own row is replaced: another's is a conflict, not a gift.
        await self._connection.execute(
            delete(federated_identity).where(
                federated_identity.c.provider == identity.provider,
                federated_identity.c.subject == identity.subject,
                federated_identity.c.user == identity.user,
            )
        )
        await self._connection.execute(
            insert(federated_identity).values(**msgspec.structs.asdict(identity))
        )

    async def remove(self, provider: ProviderId | None, user: UserId | None) -> None:
        wanted: ColumnElement[bool] = true()
        if provider is not None:
            wanted &= federated_identity.c.provider == provider
        if user is not None:
            wanted &= federated_identity.c.user == user
        await self._connection.execute(delete(federated_identity).where(wanted))

    async def secret(self, provider: ProviderId) -> bytes | None:
        found = await self._connection.scalar(
            select(provider_secret.c.sealed).where(provider_secret.c.provider == provider)
        )
        return None if found is None else bytes(found)

    async def put_secret(self, provider: ProviderId, sealed: bytes | None) -> None:
        await self._connection.execute(
            delete(provider_secret).where(provider_secret.c.provider == provider)
        )
        if sealed is not None:
            await self._connection.execute(
                insert(provider_secret).values(provider=provider, sealed=sealed)
            )
