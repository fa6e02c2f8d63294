"""Searching the directory: by what it can look up, and one by one for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from scim2_models import Resource, ScimFilter, SearchRequest

from doorward.administrator.directory.conditions import MANY, Condition, Field, Order, Query
from doorward.administrator.directory.entries import Entry, EntryKind
from doorward.administrator.directory.ports import Directory, Page
from doorward.entrypoints.scim.documents import NAMES
from doorward.entrypoints.scim.filters import field_of, split

Modelled = Callable[[Sequence[Entry]], Awaitable[Callable[[], Sequence[Resource[Any]]]]]
"""Reads what entries need to become models, and answers what makes them."""

_Key = tuple[bool, Any, str, EntryKind]


async def find(
    directory: Directory,
    models: Mapping[EntryKind, type[Resource[Any]]],
    request: SearchRequest[Any],
    listing: frozenset[EntryKind],
    modelled: Modelled,
) -> Page:
    """The page that `request` asks for. Raises InvalidFilterException.

    Where filter and order are of attributes that the directory can look up, it does. Otherwise
    every entry that might fit is read and evaluated as `scim2_models` does: right, and slow.
    """
    where: dict[EntryKind, Condition] = {}
    left: dict[EntryKind, ScimFilter[Any]] = {}
    for kind, model in models.items():
        where[kind], rest = split(request.filter, model, NAMES[kind])
        if rest is not None:
            left[kind] = rest
    offset = request.start_index_0 or 0
    ordered, order = _order(models, request)
    if not left and ordered:
        return await directory.find(
            Query(where=where, order=order, offset=offset, limit=request.count, listing=listing)
        )
    keys = await _matching(directory, where, left, request, modelled)
    keys.sort(reverse=_descending(request))
    stop = None if request.count is None else offset + request.count
    page = await directory.several([entry_id for *_, entry_id, _ in keys[offset:stop]], listing)
    return msgspec.structs.replace(page, total=len(keys))


async def _matching(
    directory: Directory,
    where: Mapping[EntryKind, Condition],
    left: Mapping[EntryKind, ScimFilter[Any]],
    request: SearchRequest[Any],
    modelled: Modelled,
) -> list[_Key]:
    keys: list[_Key] = []
    async for entries in directory.every(where):
        models = await modelled(entries)
        # Off the loop: a revocation does not wait for whoever looks through everybody.
        keys += await asyncio.to_thread(_keys, entries, models, left, request)
    return keys


def _keys(
    entries: Sequence[Entry],
    models: Callable[[], Sequence[Resource[Any]]],
    left: Mapping[EntryKind, ScimFilter[Any]],
    request: SearchRequest[Any],
) -> list[_Key]:
    """What those of `entries` that fulfil what is left of the filter are sorted by."""
    keys: list[_Key] = []
    for entry, model in zip(entries, models(), strict=True):
        rest = left.get(entry.kind)
        if rest is None or rest.match(model):
            value = request.sort_value(model)
            keys.append((value is None, "" if value is None else value, entry.id, entry.kind))
    return keys


def _order(
    models: Mapping[EntryKind, type[Resource[Any]]], request: SearchRequest[Any]
) -> tuple[bool, Order | None]:
    """Whether the directory can bring entries into the order that is asked for, and that order."""
    if request.sort_by is None:
        return True, None
    fields = {_sortable(field_of(request.sort_binding(model))) for model in models.values()}
    if len(fields) != 1 or None in fields:
        return False, None
    [field] = fields
    return True, Order(field, _descending(request)) if field is not None else None


def _sortable(field: Field | None) -> Field | None:
    """The field, where one value of each entry is there to sort by: the primary address is."""
    return None if field in MANY and field != "address" else field


def _descending(request: SearchRequest[Any]) -> bool:
    return request.sort_by is not None and request.sort_order == "descending"
