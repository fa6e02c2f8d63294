"""Looking through the directory for what it cannot look up: bounded, and off the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from scim2_models import Resource, ScimFilter, SearchRequest, TooManyException

from doorward.administrator.directory.conditions import Condition
from doorward.administrator.directory.entries import Entry, EntryKind
from doorward.administrator.directory.ports import Directory
from doorward.entrypoints.scim.filters import LOOKED_UP, UnindexedError
from doorward.entrypoints.scim.matching import Matcher, Reader, matcher, sort_key

SECONDS = 10.0
MAX_FOUND = 200_000
"""How long one search looks, and how much it finds: it holds what each is sorted by."""

Modelled = Callable[[Sequence[Entry]], Awaitable[Callable[[], Sequence[Resource[Any]]]]]
"""Reads what entries need to become models, and answers what makes them."""

Key = tuple[bool, Any, str, EntryKind]
"""What an entry is sorted by: whether it has no value, the value, its id."""

_Left = Mapping[EntryKind, ScimFilter[Any]]
_Keys = Callable[[Sequence[Entry]], Awaitable[list[Key]]]


async def look_through(
    directory: Directory,
    where: Mapping[EntryKind, Condition],
    left: _Left,
    models: Mapping[EntryKind, type[Resource[Any]]],
    request: SearchRequest[Any],
    modelled: Modelled,
) -> list[Key]:
    """The keys, in order, of all entries that fulfil `where` and what is `left` of the filter.

    Raises TooManyException.
    """
    try:
        chosen = _by_documents(left, models, request)
    except UnindexedError:
        chosen = _by_models(left, request, modelled)
    deadline = time.monotonic() + SECONDS
    keys: list[Key] = []
    async for entries in directory.every(where):
        keys += await chosen(entries)
        if time.monotonic() > deadline:
            raise TooManyException(detail=f"Looking took more than {SECONDS:g} seconds. {_ADVICE}")
        if len(keys) > MAX_FOUND:
            raise TooManyException(detail=f"There are more than {MAX_FOUND}. {_ADVICE}")
    descending = request.sort_by is not None and request.sort_order == "descending"
    return await asyncio.to_thread(sorted, keys, reverse=descending)


_ADVICE = (
    "This filter or order is of attributes that have to be looked for in every resource;"
    f" add a condition, with 'and', on one of {', '.join(LOOKED_UP)}."
)


def _by_documents(
    left: _Left, models: Mapping[EntryKind, type[Resource[Any]]], request: SearchRequest[Any]
) -> _Keys:
    """Raises UnindexedError where documents do not tell."""
    fitting: dict[EntryKind, Matcher] = {kind: matcher(left[kind], models[kind]) for kind in left}
    bindings = {kind: request.sort_binding(model) for kind, model in models.items()}
    reading: dict[EntryKind, Reader] = {
        kind: sort_key(binding) for kind, binding in bindings.items() if binding is not None
    }

    def keys(entries: Sequence[Entry]) -> list[Key]:
        found = []
        for entry in entries:
            document = msgspec.json.decode(entry.body)
            if entry.kind not in fitting or fitting[entry.kind](document):
                value = reading[entry.kind](document) if entry.kind in reading else None
                found.append(_key(entry, value))
        return found

    async def chosen(entries: Sequence[Entry]) -> list[Key]:
        return await asyncio.to_thread(keys, entries)

    return chosen


def _by_models(left: _Left, request: SearchRequest[Any], modelled: Modelled) -> _Keys:
    def keys(entries: Sequence[Entry], models: Callable[[], Sequence[Resource[Any]]]) -> list[Key]:
        return [
            _key(entry, request.sort_value(model))
            for entry, model in zip(entries, models(), strict=True)
            if entry.kind not in left or left[entry.kind].match(model)
        ]

    async def chosen(entries: Sequence[Entry]) -> list[Key]:
        return await asyncio.to_thread(keys, entries, await modelled(entries))

    return chosen


def _key(entry: Entry, value: Any) -> Key:  # noqa: ANN401 - whatever can be sorted
    return value is None, "" if value is None else value, entry.id, entry.kind
