"""What the directory needs of a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from doorward.administrator.directory.conditions import Condition, Query
from doorward.administrator.directory.entries import Details, Entry, EntryKind, Member, Summary

Listed = Mapping[str, Sequence[Member]]
"""By the id of an entry: the members of a group, by id, or the groups of a person."""


class Page(msgspec.Struct, frozen=True):
    """Some of the entries that were asked for, and how many there are in all.

    `listed` are the memberships of those entries of whose kind they were asked for.
    """

    total: int
    entries: tuple[Entry, ...]
    listed: Listed = {}


class DirectoryTable(Protocol):
    """The directory, inside one transaction."""

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None: ...

    async def put(self, entry: Entry, details: Details | None = None) -> None:
        """Add the entry, to be found by `details`, or replace the one of its id.

        Without `details` only version, time and actor of the one that is there change.
        """
        ...

    async def remove(self, entry: Entry) -> None:
        """Remove it and its memberships, either way; its id stays taken for ever."""
        ...

    async def taken(self, entry_id: str) -> bool:
        """Whether a person or group has, or ever had, this id, which is in lower case."""
        ...

    async def owner(self, user_name: str) -> str | None:
        """The id of whoever has this user name, which is unique without regard to case."""
        ...

    async def members(self, group: str) -> Sequence[Member]:
        """Who is directly in `group`, by id."""
        ...

    async def change_members(
        self, group: str, added: Collection[Member], removed: Collection[str]
    ) -> None:
        """Put `added` into `group` and take `removed` out; who is in or out already stays so."""
        ...


class Directory(Protocol):
    """Reading the directory, beside whoever writes."""

    async def get(self, kind: EntryKind, entry_id: str) -> Entry | None: ...

    async def find(self, query: Query) -> Page: ...

    def every(self, where: Mapping[EntryKind, Condition]) -> AsyncIterator[Sequence[Entry]]:
        """All entries that fulfil the condition on their kind, by id, some at a time."""
        ...

    async def several(self, ids: Sequence[str], listing: Collection[EntryKind]) -> Page:
        """Those of `ids` that there are, in that order, and memberships as `find` has them."""
        ...

    async def members(self, groups: Collection[str]) -> Listed:
        """Who is directly in each group, by id."""
        ...

    async def memberships(self, ids: Collection[str]) -> Listed:
        """The groups that each is directly in, by id; a `Member` here is the group."""
        ...

    async def summary(self) -> Summary: ...
