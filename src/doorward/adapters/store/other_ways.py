"""By what else than a passkey people sign in, for everybody at once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import attempt, federated_identity, password, totp
from doorward.administrator.other_ways import Link
from doorward.model.ids import UserId


class SqlOtherWays:
    """Port `OtherWays` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def passwords(self, purpose: str, below: int) -> Collection[UserId]:
        counted = and_(attempt.c.subject == password.c.user, attempt.c.purpose == purpose)
        found = (
            select(password.c.user)
            .join(totp, totp.c.user == password.c.user)
            .outerjoin(attempt, counted)
            .where(func.coalesce(attempt.c.in_a_row, 0) < below)
        )
        return {row.user for row in await self._connection.execute(found)}

    async def links(self) -> Collection[Link]:
        columns = federated_identity.c
        found = select(columns.user, columns.provider, columns.issuer).distinct()
        return {Link(*row) for row in await self._connection.execute(found)}
