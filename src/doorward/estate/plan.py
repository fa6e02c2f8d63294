"""What applying an estate would change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from doorward.estate.parse import Estate
from doorward.model.snapshot import (
    ESTATE_KINDS,
    FIELDS,
    Change,
    Document,
    Kind,
    Snapshot,
    change,
    removal,
)


class Difference(msgspec.Struct, frozen=True):
    """A field of a document, before and after, as JSON values."""

    field: str
    before: Any
    after: Any


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One document that is added, changed or removed."""

    act: Literal["add", "change", "remove"]
    kind: Kind
    id: str
    differences: tuple[Difference, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The steps that people read, and the changes that carry them out."""

    steps: tuple[Step, ...]
    changes: tuple[Change, ...]


def plan(current: Snapshot, wanted: Estate) -> Plan:
    """What takes the declared part of `current` to `wanted`, in the order of the kinds.

    Whom a directory provisions is not declared: they are left alone.
    """
    steps: list[Step] = []
    changes: list[Change] = []
    for kind in ESTATE_KINDS:
        before = _declared(getattr(current, FIELDS[kind]))
        after = wanted.documents.get(kind, {})
        for document_id in sorted(before.keys() | after.keys()):
            old, new = before.get(document_id), after.get(document_id)
            if new is None:
                steps.append(Step(act="remove", kind=kind, id=document_id))
                changes.append(removal(kind, document_id))
            elif old != new:
                act: Literal["add", "change"] = "add" if old is None else "change"
                differences = _differences(old, new) if old is not None else ()
                steps.append(Step(act=act, kind=kind, id=document_id, differences=differences))
                changes.append(change(kind, new))
    return Plan(steps=tuple(steps), changes=tuple(changes))


def _declared(documents: Mapping[str, Document]) -> Mapping[str, Document]:
    return {
        key: document
        for key, document in documents.items()
        if getattr(document, "source", "estate") == "estate"
    }


def _differences(old: Document, new: Document) -> tuple[Difference, ...]:
    before, after = (msgspec.json.decode(msgspec.json.encode(document)) for document in (old, new))
    return tuple(
        Difference(field, before[field], after[field])
        for field in before
        if before[field] != after[field]
    )
