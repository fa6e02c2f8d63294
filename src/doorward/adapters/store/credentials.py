"""Passkeys, passwords and TOTP secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import passkey, password, recovery_code, totp
from doorward.administrator.ports import Passkey, Password, Totp
from doorward.model.ids import UserId


class Credentials:
    """Port `CredentialTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def passkeys(self, user: UserId) -> Sequence[Passkey]:
        rows = await self._connection.execute(
            select(passkey)
            .where(passkey.c.user == user)
            .order_by(passkey.c.created_at, passkey.c.id)
        )
        return [_passkey(row) for row in rows]

    async def passkey(self, passkey_id: str) -> Passkey | None:
        rows = await self._connection.execute(select(passkey).where(passkey.c.id == passkey_id))
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
        # Only the owner's row is replaced: an id that another user has is a conflict, not a gift.
        await self._connection.execute(
            delete(passkey).where(passkey.c.id == credential.id, passkey.c.user == credential.user)
        )
        await self._connection.execute(
            insert(passkey).values(
                id=credential.id,
                user=credential.user,
                name=credential.name,
                public_key=credential.public_key,
                sign_count=credential.sign_count,
                transports=json.dumps(credential.transports),
                aaguid=credential.aaguid,
                created_at=credential.created_at,
                last_used_at=credential.last_used_at,
                attested=credential.attested,
                backup_eligible=credential.backup_eligible,
                backed_up=credential.backed_up,
            )
        )


def _passkey(row: Row[*tuple[object, ...]]) -> Passkey:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    fields["transports"] = tuple(json.loads(fields["transports"]))
    fields["public_key"] = bytes(fields["public_key"])
    return Passkey(**fields)
