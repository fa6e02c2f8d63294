"""Searching the directory: by what it can look up, and one by one for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from scim2_models import Resource, ScimFilter, SearchRequest

from doorward.administrator.directory.conditions import MANY, Condition, Field, Order, Query
from doorward.administrator.directory.entries import EntryKind
from doorward.administrator.directory.ports import Directory, Page
from doorward.entrypoints.scim.documents import NAMES
from doorward.entrypoints.scim.filters import field_of, split
from doorward.entrypoints.scim.looking import Modelled, look_through

Turn = Callable[[], AbstractAsyncContextManager[None]]
"""Waits for one's turn to search the directory."""


async def find(
    directory: Directory,
    models: Mapping[EntryKind, type[Resource[Any]]],
    request: SearchRequest[Any],
    listing: frozenset[EntryKind],
    modelled: Modelled,
    turn: Turn,
    lookup: Turn,
) -> Page:
    """The page that `request` asks for.

    Raises InvalidFilterException, TooManyException and UnansweredError.

    Where filter and order are of attributes that the directory can look up, it does. Otherwise
    every entry that might fit is read and evaluated as `scim2_models` does.
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
        query = Query(where=where, order=order, offset=offset, limit=request.count, listing=listing)
        async with lookup():
            return await directory.find(query)
    async with turn():
        keys = await look_through(directory, where, left, models, request, modelled)
        stop = None if request.count is None else offset + request.count
        page = await directory.several([entry_id for *_, entry_id, _ in keys[offset:stop]], listing)
    return msgspec.structs.replace(page, total=len(keys))


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
    descending = request.sort_order == "descending"
    return True, Order(field, descending) if field is not None else None


def _sortable(field: Field | None) -> Field | None:
    """The field, where one value of each entry is there to sort by: the primary address is."""
    return None if field in MANY and field != "address" else field
