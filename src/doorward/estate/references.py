"""What the documents of an estate must satisfy together: unique names, known references."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from doorward.estate.problems import Problems, Source
from doorward.model.snapshot import Document, Kind

REFERENCES: Mapping[Kind, Mapping[str, Kind]] = MappingProxyType(
    {
        "group": {"parents": "group"},
        "user": {"groups": "group", "roles": "role"},
        "service": {"groups": "group", "owner": "user"},
        "resource": {"label": "label", "owner": "user"},
        "client": {"resource": "resource"},
        "provider": {"groups": "group"},
    }
)
"""The fields of each kind that name a document of another, or a tuple of them.

In a tuple of rows, the row's field that is called like the target's kind names it.
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """A document and where it was declared."""

    kind: Kind
    document: Document
    source: Source


def check_together(declared: Iterable[Declared], problems: Problems) -> None:
    """Report duplicates, unknown references and groups that contain themselves."""
    by_kind: dict[Kind, list[Declared]] = {}
    for item in declared:
        by_kind.setdefault(item.kind, []).append(item)
    for kind, same in by_kind.items():
        _check_unique(same, "id", kind, lambda document: document.id, problems)
    resources = [item for item in by_kind.get("resource", ()) if getattr(item.document, "host", "")]
    users = by_kind.get("user", ())
    _check_unique(resources, "host", "resource", lambda resource: resource.host, problems)
    _check_unique(users, "email", "user", lambda user: user.email.lower(), problems)
    providers = by_kind.get("provider", ())
    _check_unique(providers, "issuer", "provider", lambda provider: provider.issuer, problems)
    _check_references(by_kind, problems)
    _check_cycles(by_kind.get("group", ()), problems)


def _check_unique(
    declared: Iterable[Declared],
    key: str,
    kind: Kind,
    value: Callable[[Any], str],
    problems: Problems,
) -> None:
    first: dict[str, Declared] = {}
    for item in declared:
        other = first.setdefault(value(item.document), item)
        if other is not item:
            problems.add(
                item.source,
                (key,),
                f"duplicate-{key}",
                f"Another {kind} has the {key} `{value(item.document)}` already.",
                f"See {other.source.file}, line {other.source.line(key)}.",
            )


def _check_references(declared: Mapping[Kind, Iterable[Declared]], problems: Problems) -> None:
    known = {kind: {item.document.id for item in items} for kind, items in declared.items()}
    for kind, fields in REFERENCES.items():
        for item in declared.get(kind, ()):
            for field, target in fields.items():
                for keys, name in _names(getattr(item.document, field), field, target):
                    if name and name not in known.get(target, ()):
                        _unknown(item.source, keys, target, name, known, problems)


def _names(
    value: str | tuple[Any, ...], field: str, target: Kind
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each name in a field, and where below the document it stands."""
    if isinstance(value, str):
        yield (field,), value
        return
    for index, item in enumerate(value):
        if isinstance(item, str):
            yield (field, index), item
        else:
            yield (field, index, target), getattr(item, target)


def _unknown(
    source: Source,
    keys: tuple[str | int, ...],
    target: Kind,
    name: str,
    known: Mapping[Kind, set[str]],
    problems: Problems,
) -> None:
    near = difflib.get_close_matches(name, sorted(known.get(target, ())), n=1)
    remedy = f"Did you mean `{near[0]}`?" if near else f"Declare it in a [[{target}]] table."
    problems.add(source, keys, f"unknown-{target}", f"There is no {target} `{name}`.", remedy)


def _check_cycles(groups: Iterable[Declared], problems: Problems) -> None:
    parents: dict[str, tuple[str, ...]] = {}
    for item in groups:
        parents[item.document.id] = getattr(item.document, "parents", ())
    for item in groups:
        seen: set[str] = set()
        above = list(parents[item.document.id])
        while above:
            name = above.pop()
            if name not in seen:
                seen.add(name)
                above.extend(parents.get(name, ()))
        if item.document.id in seen:
            problems.add(
                item.source,
                ("parents",),
                "group-cycle",
                f"The group `{item.document.id}` contains itself.",
                "Take one of its `parents` away.",
            )
