"""Tables that notice what changes in them, where somebody listens."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.ports import (
    CredentialTable,
    Passkey,
    Password,
    SnapshotTable,
    Totp,
    Transaction,
)
from doorward.administrator.recovery_ports import RecoveryCodeTable
from doorward.administrator.signals.transmitting.differences import (
    TOLD_KINDS,
    Credential,
    CredentialDifference,
    DocumentDifference,
    RecoveryCodes,
    Told,
)
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Change, Document, Kind, decode


class Seen:
    """What one transaction changed. Nothing is looked at while there is no stream."""

    def __init__(self, transaction: Transaction) -> None:
        self.documents: list[DocumentDifference] = []
        self.credentials: list[CredentialDifference] = []
        self._transaction = transaction
        self._anybody: bool | None = None

    async def anybody(self) -> bool:
        """Whether there is a stream, asked once a transaction."""
        if self._anybody is None:
            self._anybody = await self._transaction.signals.streams.any()
        return self._anybody


class WatchedSnapshot:
    """Port `SnapshotTable`, which notes what `publish` changes."""

    def __init__(self, table: SnapshotTable, seen: Seen) -> None:
        self._table = table
        self._seen = seen

    async def get(self, kind: Kind, document_id: str) -> Document | None:
        return await self._table.get(kind, document_id)

    async def all(self, kind: Kind) -> Sequence[Document]:
        return await self._table.all(kind)

    async def publish(self, changes: Sequence[Change]) -> int:
        told = {(item.kind, item.id): item for item in changes if item.kind in TOLD_KINDS}
        if not told or not await self._seen.anybody():
            return await self._table.publish(changes)
        before = {place: await self._table.get(*place) for place in told}
        number = await self._table.publish(changes)
        for place, item in told.items():
            self._note(before[place], item)
        return number

    def _note(self, before: Document | None, item: Change) -> None:
        body = item.body
        after = None if isinstance(body, msgspec.UnsetType) else decode(item.kind, body)
        if before != after:
            self._seen.documents.append(DocumentDifference(_told(before), _told(after)))


class WatchedCredentials:
    """Port `CredentialTable`, which notes what is written and removed."""

    def __init__(self, table: CredentialTable, codes: RecoveryCodeTable, seen: Seen) -> None:
        self._table = table
        self._codes = codes
        self._seen = seen

    async def passkeys(self, user: UserId | None) -> Sequence[Passkey]:
        return await self._table.passkeys(user)

    async def passkey(self, passkey_id: str) -> Passkey | None:
        return await self._table.passkey(passkey_id)

    async def password(self, user: UserId) -> Password | None:
        return await self._table.password(user)

    async def totp(self, user: UserId) -> Totp | None:
        return await self._table.totp(user)

    async def put(self, credential: Credential) -> None:
        watched = await self._seen.anybody()
        before = await self._held(credential) if watched else None
        await self._table.put(credential)
        if watched:
            self._note(credential.user, before, credential)

    async def remove(self, credential: Credential) -> None:
        watched = await self._seen.anybody()
        before = await self._held(credential) if watched else None
        await self._table.remove(credential)
        if before is not None and before.user == credential.user:
            self._note(credential.user, before, None)

    async def remove_all(self, user: UserId) -> None:
        if await self._seen.anybody():
            for held in (
                *await self._table.passkeys(user),
                await self._table.password(user),
                await self._table.totp(user),
            ):
                if held is not None:
                    self._note(user, held, None)
            codes = await _codes(self._codes, user)
            self._seen.credentials.append(CredentialDifference(user, codes, None))
        await self._table.remove_all(user)

    async def _held(self, credential: Credential) -> Credential | None:
        match credential:
            case Passkey():
                return await self._table.passkey(credential.id)
            case Password():
                return await self._table.password(credential.user)
            case Totp():
                return await self._table.totp(credential.user)

    def _note(self, user: UserId, before: Credential | None, after: Credential | None) -> None:
        if before != after:
            self._seen.credentials.append(CredentialDifference(user, before, after))


class WatchedRecoveryCodes:
    """Port `RecoveryCodeTable`, which notes what is made, used and removed."""

    def __init__(self, table: RecoveryCodeTable, seen: Seen) -> None:
        self._table = table
        self._seen = seen

    async def replace(self, user: UserId, hashes: Sequence[str], at: UnixSeconds) -> None:
        watched = await self._seen.anybody()
        before = await _codes(self._table, user) if watched else None
        await self._table.replace(user, hashes, at)
        if watched:
            await self._note(user, before)

    async def holds(self, user: UserId, code_hash: str) -> bool:
        return await self._table.holds(user, code_hash)

    async def take(self, user: UserId, code_hash: str) -> bool:
        watched = await self._seen.anybody()
        before = await _codes(self._table, user) if watched else None
        taken = await self._table.take(user, code_hash)
        if watched and taken:
            await self._note(user, before)
        return taken

    async def left(self, user: UserId) -> int:
        return await self._table.left(user)

    async def _note(self, user: UserId, before: RecoveryCodes | None) -> None:
        after = await _codes(self._table, user)
        self._seen.credentials.append(CredentialDifference(user, before, after))


async def _codes(table: RecoveryCodeTable, user: UserId) -> RecoveryCodes | None:
    left = await table.left(user)
    return RecoveryCodes(left) if left else None


def _told(document: Document | None) -> Told | None:
    return document  # type: ignore[return-value]  # of one of TOLD_KINDS
