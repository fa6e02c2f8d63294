"""Which attributes of a document are answered (RFC 7644, 3.9). Pure.

`scim2_models` says the same of its own objects, at twenty times the cost; a property test holds
the two together. Every attribute that is kept is returned by default; `id` and `schemas` always.
"""

from __future__ import annotations

from collections.abc import Iterable

from doorward.entrypoints.scim.documents import Document

_ALWAYS = frozenset({"schemas", "id"})


class Projection:
    """The `attributes` or the `excluded` ones, as they were asked for; everything for neither."""

    def __init__(self, attributes: Iterable[str] = (), excluded: Iterable[str] = ()) -> None:
        self._wanted = tuple(item.lower() for item in attributes)
        self._excluded = frozenset(item.lower() for item in excluded)

    def __bool__(self) -> bool:
        return bool(self._wanted or self._excluded)

    def keeps(self, schema: str, name: str) -> bool:
        """Whether the attribute `name` of `schema` is answered, at least in part."""
        return self._kept(f"{schema}:{name}".lower(), name.lower())

    def of(self, document: Document, schema: str) -> Document:
        """What is left of a document, whose own schema is `schema`."""
        if not self:
            return document
        kept: Document = {}
        for key, value in document.items():
            extension = ":" in key
            urn = key if extension else f"{schema}:{key}"
            if key in _ALWAYS:
                kept[key] = value
            elif self._kept(urn.lower(), urn.lower().rpartition(":")[2]):
                inner = self._inner(value, f"{urn}:" if extension else f"{urn}.")
                if inner not in ({}, []):
                    kept[key] = inner
        # Only what an answer holds is among its schemas (RFC 7643, 3).
        named = document.get("schemas", ())
        kept["schemas"] = [name for name in named if name in kept or name not in document]
        return kept

    def _inner(self, value: object, urn: str) -> object:
        """What is left of an attribute's value; its parts are called `urn` and their name."""
        if isinstance(value, list):
            parts = [self._inner(item, urn) for item in value]
            return [part for part in parts if part != {}]
        if not isinstance(value, dict):
            return value
        kept: Document = {}
        for name, item in value.items():
            part = f"{urn}{name}"
            if self._kept(part.lower(), part.lower().rpartition(":")[2]):
                inner = self._inner(item, f"{part}.")
                if inner not in ({}, []):
                    kept[name] = inner
        return kept

    def _kept(self, urn: str, short: str) -> bool:
        if self._wanted and not any(_touches(item, urn, short) for item in self._wanted):
            return False
        return urn not in self._excluded and short not in self._excluded


def _touches(wanted: str, urn: str, short: str) -> bool:
    """Whether what is wanted is the attribute, above it or below it."""
    if ":" in wanted:
        return wanted == urn or _below(wanted, urn) or _below(urn, wanted)
    return wanted == short or _below(wanted, short) or _below(short, wanted)


def _below(inner: str, outer: str) -> bool:
    return inner.startswith((f"{outer}.", f"{outer}:"))
