"""The directory in memory: the table that a transaction writes, and the reader beside it.

`DirectoryState` is one field of the store's state; `MemoryDirectory(store)` reads what was
committed. Conditions are evaluated naively, entry by entry: the databases are compared with this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from doorward.administrator.directory.conditions import (
    MANY,
    AddressWhere,
    Compare,
    Condition,
    Every,
    Not,
    Present,
    Query,
    Some,
)
from doorward.administrator.directory.entries import (
    Details,
    Entry,
    EntryKind,
    Member,
    Summary,
    exact,
    folded,
    primary_address,
)
from doorward.administrator.directory.ports import Page
from doorward.errors import DoorwardError


@dataclass
class DirectoryState:
    entries: dict[str, tuple[Entry, Details]] = field(default_factory=dict)
    members: dict[str, dict[str, Member]] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)

    def __copy__(self) -> DirectoryState:
        members = {group: dict(inside) for group, inside in self.members.items()}
        return DirectoryState(dict(self.entries), members, set(self.retired))


class MemoryDirectoryTable:
    """Port `DirectoryTable` on a transaction's draft."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None:
        found = self._state.entries.get(entry_id)
        return found[0] if found is not None and found[0].kind == kind else None

    async def put(self, entry: Entry, details: Details | None = None) -> None:
        known = self._state.entries.get(entry.id)
        if details is None:
            assert known is not None
            touched = msgspec.structs.replace(
                known[0],
                version=entry.version,
                modified=entry.modified,
                changed_by=entry.changed_by,
            )
            self._state.entries[entry.id] = (touched, known[1])
            return
        owner = await self.owner(details.user_name) if details.user_name else None
        if owner not in {None, entry.id}:
            raise DoorwardError("store-conflict", "Somebody else has this user name.")
        self._state.entries[entry.id] = (entry, details)

    async def remove(self, entry: Entry) -> None:
        self._state.entries.pop(entry.id, None)
        self._state.members.pop(entry.id, None)
        for inside in self._state.members.values():
            inside.pop(entry.id, None)
        self._state.retired.add(entry.id.lower())

    async def taken(self, entry_id: str) -> bool:
        return entry_id in self._state.entries or entry_id in self._state.retired

    async def owner(self, user_name: str) -> str | None:
        wanted = folded(user_name)
        for entry, details in self._state.entries.values():
            if details.user_name and folded(details.user_name) == wanted:
                return entry.id
        return None

    async def members(self, group: str) -> Sequence[Member]:
        inside = self._state.members.get(group, {})
        return [inside[key] for key in sorted(inside)]

    async def change_members(
        self, group: str, added: Collection[Member], removed: Collection[str]
    ) -> None:
        inside = self._state.members.setdefault(group, {})
        for member in removed:
            inside.pop(member, None)
        inside.update({member.id: member for member in added})


class MemoryDirectory:
    """Port `Directory` on what `state()` answers."""

    def __init__(self, state: Callable[[], DirectoryState]) -> None:
        self._state = state

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None:
        return await MemoryDirectoryTable(self._state()).get(kind, entry_id)

    async def find(self, query: Query) -> Page:
        found = self._fitting(query.where)
        order = query.order

        def place(pair: tuple[Entry, Details]) -> tuple[bool, Any, str]:
            values = [] if order is None else self._values(*pair, order.field)
            value = values[0] if values else None
            return value is None, "" if value is None else value, pair[0].id

        found.sort(key=place, reverse=order is not None and order.descending)
        stop = None if query.limit is None else query.offset + query.limit
        entries = tuple(entry for entry, _ in found[query.offset : stop])
        return Page(len(found), entries, await self._listed(entries, query.listing))

    async def several(self, ids: Sequence[str], listing: Collection[EntryKind]) -> Page:
        held = self._state().entries
        entries = tuple(held[entry_id][0] for entry_id in ids if entry_id in held)
        return Page(len(entries), entries, await self._listed(entries, listing))

    async def every(self, where: Mapping[EntryKind, Condition]) -> AsyncIterator[Sequence[Entry]]:
        found = sorted((entry for entry, _ in self._fitting(where)), key=lambda entry: entry.id)
        for start in range(0, len(found), 2):
            yield found[start : start + 2]

    async def members(self, groups: Collection[str]) -> Mapping[str, Sequence[Member]]:
        table = MemoryDirectoryTable(self._state())
        listed = {group: await table.members(group) for group in groups}
        return {group: inside for group, inside in listed.items() if inside}

    async def memberships(self, ids: Collection[str]) -> Mapping[str, Sequence[Member]]:
        found: dict[str, list[Member]] = {}
        for group, inside in sorted(self._state().members.items()):
            for member in inside:
                if member in ids:
                    found.setdefault(member, []).append(Member(group, "group"))
        return found

    async def summary(self) -> Summary:
        pairs = list(self._state().entries.values())
        latest = max((entry for entry, _ in pairs), key=lambda entry: entry.modified, default=None)
        return Summary(
            people=sum(entry.kind == "user" for entry, _ in pairs),
            inactive=sum(details.active is False for _, details in pairs),
            groups=sum(entry.kind == "group" for entry, _ in pairs),
            changed=latest.modified if latest is not None else 0.0,
            changed_by=latest.changed_by if latest is not None else "",
        )

    async def _listed(
        self, entries: Collection[Entry], listing: Collection[EntryKind]
    ) -> Mapping[str, Sequence[Member]]:
        wanted = [entry for entry in entries if entry.kind in listing]
        people = [entry.id for entry in wanted if entry.kind == "user"]
        groups = [entry.id for entry in wanted if entry.kind == "group"]
        return {**await self.memberships(people), **await self.members(groups)}

    def _fitting(self, where: Mapping[EntryKind, Condition]) -> list[tuple[Entry, Details]]:
        return [
            (entry, details)
            for entry, details in self._state().entries.values()
            if entry.kind in where and self._fits(entry, details, where[entry.kind])
        ]

    def _fits(self, entry: Entry, details: Details, condition: Condition) -> bool:
        match condition:
            case Compare(field=name, op=op, value=value):
                values = self._values(entry, details, name, every=True)
                if op == "ne":
                    return (
                        all(item != value for item in values) if value is not None else bool(values)
                    )
                if value is None:
                    return op == "eq" and name not in MANY and not values
                return any(_compared(item, op, value) for item in values)
            case Present(field=name):
                return bool(self._values(entry, details, name, every=True))
            case AddressWhere(condition=inner):
                alone = [
                    msgspec.structs.replace(details, addresses=(a,)) for a in details.addresses
                ]
                return any(self._fits(entry, one, inner) for one in alone)
            case Not(condition=inner):
                return not self._fits(entry, details, inner)
            case Every(conditions=inner):
                return all(self._fits(entry, details, item) for item in inner)
            case Some(conditions=inner):
                return any(self._fits(entry, details, item) for item in inner)

    def _values(
        self, entry: Entry, details: Details, name: str, *, every: bool = False
    ) -> list[Any]:
        primary = primary_address(details)
        addresses = details.addresses if every else [primary] if primary is not None else []
        state = self._state()
        values: dict[str, list[Any]] = {
            "id": [entry.id],
            "user_name": [folded(details.user_name)],
            "external_id": [exact(details.external_id)],
            "display_name": [folded(details.display_name)],
            "given_name": [folded(details.given_name)],
            "family_name": [folded(details.family_name)],
            "active": [details.active],
            "created": [entry.created],
            "modified": [entry.modified],
            "address": [folded(address.value) for address in addresses],
            "address_type": [folded(address.type) for address in addresses],
            "member": list(state.members.get(entry.id, {})),
            "group": [group for group, inside in state.members.items() if entry.id in inside],
        }
        return [value for value in values[name] if value is not None and value != ""]


def _compared(item: Any, op: str, value: Any) -> bool:
    match op:
        case "eq":
            return bool(item == value)
        case "co":
            return value in item
        case "sw":
            return bool(item.startswith(value))
        case "ew":
            return bool(item.endswith(value))
        case "gt":
            return bool(item > value)
        case "ge":
            return bool(item >= value)
        case "lt":
            return bool(item < value)
        case _:
            return bool(item <= value)
