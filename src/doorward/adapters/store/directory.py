"""The directory of provisioned people and groups, inside a transaction that writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.directory_conditions import ENTRY
from doorward.adapters.store.directory_reading import entry_of, members_of
from doorward.adapters.store.tables import (
    directory_address,
    directory_body,
    directory_entry,
    directory_member,
    directory_retired,
)
from doorward.administrator.directory.entries import (
    Details,
    Entry,
    EntryKind,
    Member,
    exact,
    folded,
    primary_address,
)


class DirectoryRows:
    """Port `DirectoryTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None:
        return await self._connection.run_sync(entry_of, kind, entry_id)

    async def put(self, entry: Entry, details: Details | None = None) -> None:
        if details is None:
            await self._touch(entry)
            return
        await self._forget(entry.id)
        await self._connection.execute(insert(directory_entry).values(columns(entry, details)))
        await self._connection.execute(
            insert(directory_body).values(id=entry.id, body=entry.body.decode())
        )
        addresses = [
            {
                "id": entry.id,
                "position": position,
                "value": folded(address.value) or None,
                "type": folded(address.type) or None,
            }
            for position, address in enumerate(details.addresses)
        ]
        if addresses:
            await self._connection.execute(insert(directory_address), addresses)

    async def remove(self, entry: Entry) -> None:
        await self._forget(entry.id)
        members = directory_member.c
        await self._connection.execute(
            delete(directory_member).where(
                or_(members.group_id == entry.id, members.member_id == entry.id)
            )
        )
        await self._connection.execute(
            insert(directory_retired).values(id=entry.id.lower(), at=entry.modified)
        )

    async def taken(self, entry_id: str) -> bool:
        retired = directory_retired.c.id
        held = select(ENTRY.id).where(ENTRY.id == entry_id)
        gone = select(retired).where(retired == entry_id)
        return await self._connection.scalar(held.union_all(gone).limit(1)) is not None

    async def owner(self, user_name: str) -> str | None:
        return await self._connection.scalar(
            select(ENTRY.id).where(ENTRY.user_name == folded(user_name))
        )

    async def members(self, group: str) -> Sequence[Member]:
        return (await self._connection.run_sync(members_of, [group])).get(group, ())

    async def change_members(
        self, group: str, added: Collection[Member], removed: Collection[str]
    ) -> None:
        table = directory_member.c
        leaving = {*removed, *(member.id for member in added)}
        if leaving:
            await self._connection.execute(
                delete(directory_member).where(
                    table.group_id == bindparam("group_"), table.member_id == bindparam("member_")
                ),
                [{"group_": group, "member_": member} for member in sorted(leaving)],
            )
        if added:
            await self._connection.execute(
                insert(directory_member),
                [
                    {"group_id": group, "member_id": member.id, "kind": member.kind}
                    for member in sorted(set(added))
                ],
            )

    async def _touch(self, entry: Entry) -> None:
        await self._connection.execute(
            update(directory_entry)
            .where(ENTRY.id == entry.id)
            .values(version=entry.version, modified=entry.modified, changed_by=entry.changed_by)
        )

    async def _forget(self, entry_id: str) -> None:
        for table in (directory_entry, directory_body, directory_address):
            await self._connection.execute(delete(table).where(table.c.id == entry_id))


def columns(entry: Entry, details: Details) -> dict[str, object]:
    """The row of `directory_entry`."""
    primary = primary_address(details)
    return {
        "id": entry.id,
        "kind": entry.kind,
        "version": entry.version,
        "created": entry.created,
        "modified": entry.modified,
        "changed_by": entry.changed_by,
        "user_name": folded(details.user_name) or None,
        "external_id": exact(details.external_id) or None,
        "display_name": folded(details.display_name) or None,
        "given_name": folded(details.given_name) or None,
        "family_name": folded(details.family_name) or None,
        "address": None if primary is None else folded(primary.value) or None,
        "active": details.active,
    }
