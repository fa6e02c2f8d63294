"""Passkeys, passwords and TOTP secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import passkey, password, recovery_code, totp
from doorward.administrator.ports import Passkey, Password, Totp
from doorward.model.ids import UserId

_passkey_of = select(passkey).where(passkey.c.id == bindparam("id_"))
_add_passkey = insert(passkey)
_replace_passkey = update(passkey).where(
    passkey.c.id == bindparam("id_"), passkey.c.user == bindparam("user_")
)


class Credentials:
    """Port `CredentialTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def passkeys(self, user: UserId | None) -> Sequence[Passkey]:
        found = select(passkey).order_by(passkey.c.created_at, passkey.c.id)
        if user is not None:
            found = found.where(passkey.c.user == user)
        rows = await self._connection.execute(found)
        return [_passkey(row) for row in rows]

    async def passkey(self, passkey_id: str) -> Passkey | None:
        rows = await self._connection.execute(_passkey_of, {"id_": passkey_id})
        row = rows.first()
        return None if row is None else _passkey(row)

    async def put(self, credential: Passkey | Password | Totp) -> None:
        match credential:
            case Passkey():
                await self._put_passkey(credential)
            case Password():
                await self._connection.execute(
                    delete(password).where(password.c.user == credential.user)
                )
                await self._connection.execute(
                    insert(password).values(user=credential.user, hash=credential.hash)
                )
            case Totp():
                await self._connection.execute(delete(totp).where(totp.c.user == credential.user))
                await self._connection.execute(
                    insert(totp).values(
                        user=credential.user,
                        sealed_secret=credential.sealed_secret,
                        last_step=credential.last_step,
                    )
                )

    async def password(self, user: UserId) -> Password | None:
        found = await self._connection.scalar(
            select(password.c.hash).where(password.c.user == user)
        )
        return None if found is None else Password(user=user, hash=found)

    async def totp(self, user: UserId) -> Totp | None:
        rows = await self._connection.execute(
            select(totp.c.sealed_secret, totp.c.last_step).where(totp.c.user == user)
        )
        row = rows.first()
        if row is None:
            return None
        return Totp(user=user, sealed_secret=bytes(row.sealed_secret), last_step=row.last_step)

    async def remove(self, credential: Passkey | Password | Totp) -> None:
        match credential:
            case Passkey():
                own = passkey.c.id == credential.id, passkey.c.user == credential.user
                await self._connection.execute(delete(passkey).where(*own))
            case Password():
                await self._connection.execute(
                    delete(password).where(password.c.user == credential.user)
                )
            case Totp():
                await self._connection.execute(delete(totp).where(totp.c.user == credential.user))

    async def remove_all(self, user: UserId) -> None:
        for table in (passkey, password, totp, recovery_code):
            await self._connection.execute(delete(table).where(table.c.user == user))

    async def _put_passkey(self, credential: Passkey) -> None:
        row = msgspec.structs.asdict(credential)
        row["transports"] = json.dumps(credential.transports)
        own = {"id_": row.pop("id"), "user_": row.pop("user")}
        # Only the owner's row is replaced: an id that another user has is a conflict, not a gift.
        replaced = await self._connection.execute(_replace_passkey, {**row, **own})
        if not replaced.rowcount:
            row |= {"id": credential.id, "user": credential.user}
            await self._connection.execute(_add_passkey, row)


def _passkey(row: Row[*tuple[object, ...]]) -> Passkey:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    fields["transports"] = tuple(json.loads(fields["transports"]))
    fields["public_key"] = bytes(fields["public_key"])
    return Passkey(**fields)
