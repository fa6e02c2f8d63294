"""The log of sign-ins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import sign_in
from doorward.administrator.sign_ins.ports import NewSignIn, SignIn
from doorward.model.ids import UnixSeconds, UserId

_MAX_LIMIT = 1000
_append = insert(sign_in).returning(sign_in.c.seq)


class SignInLog:
    """Port `SignInTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, entry: NewSignIn) -> SignIn:
        fields = msgspec.structs.asdict(entry)
        row = {**fields, "methods": " ".join(entry.methods)}
        written = await self._connection.execute(_append, row)
        return SignIn(**fields, seq=written.scalar_one())

    async def of(
        self, user: UserId, *, before: int | None = None, limit: int = 50
    ) -> Sequence[SignIn]:
        statement = select(sign_in).where(sign_in.c.user == user)
        if before is not None:
            statement = statement.where(sign_in.c.seq < before)
        limited = statement.order_by(sign_in.c.seq.desc()).limit(max(1, min(limit, _MAX_LIMIT)))
        rows = await self._connection.execute(limited)
        return [_entry(row) for row in rows]

    async def get(self, user: UserId, seq: int) -> SignIn | None:
        rows = await self._connection.execute(
            select(sign_in).where(sign_in.c.user == user, sign_in.c.seq == seq)
        )
        row = rows.first()
        return None if row is None else _entry(row)

    async def disown(self, user: UserId, seq: int, at: UnixSeconds) -> bool:
        marked = await self._connection.execute(
            update(sign_in)
            .where(sign_in.c.user == user, sign_in.c.seq == seq, sign_in.c.disowned_at.is_(None))
            .values(disowned_at=at)
        )
        return marked.rowcount == 1

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        old = sign_in.c.at < moment
        oldest = select(sign_in.c.seq).where(old).order_by(sign_in.c.at).limit(limit)
        removed = await self._connection.execute(delete(sign_in).where(sign_in.c.seq.in_(oldest)))
        return removed.rowcount

    async def remove_all(self, user: UserId) -> None:
        await self._connection.execute(delete(sign_in).where(sign_in.c.user == user))


def _entry(row: Row[*tuple[object, ...]]) -> SignIn:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    return SignIn(**{**fields, "methods": tuple(fields["methods"].split())})
