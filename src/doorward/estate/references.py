"""What the documents of an estate must satisfy together: unique names, known references."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from doorward.estate.problems import Problems, Source
from doorward.model.snapshot import Document, Kind, Snapshot

REFERENCES: Mapping[Kind, Mapping[str, Kind]] = MappingProxyType(
    {
        "group": {"parents": "group"},
        "user": {"groups": "group", "roles": "role"},
        "service": {"groups": "group", "owner": "user", "client": "client"},
        "resource": {"label": "label", "owner": "user"},
        "client": {"resource": "resource"},
        "provider": {"groups": "group"},
        "compliance": {"groups": "group"},
        "transmitter": {"provider": "provider"},
    }
)
"""The fields of each kind that name a document of another, or a tuple of them.

In a tuple of rows, the row's field that is called like the target's kind names it.
"""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Whom a directory provisions: files may name them, and may not declare them.

    `people` and `groups` are their ids; `users` those of people by id and by e-mail address, in
    lower case.
    """

    people: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    users: Mapping[str, str] = field(default_factory=dict)


NOBODY = Provisioned()


def provisioned(snapshot: Snapshot) -> Provisioned:
    """Whom a directory provisions in `snapshot`."""
    people = [user for user in snapshot.users.values() if user.source == "scim"]
    users = {user.id.lower(): user.id for user in people}
    users |= {user.email.lower(): user.id for user in people if user.email}
    groups = frozenset(group.id for group in snapshot.groups.values() if group.source == "scim")
    return Provisioned(frozenset(user.id for user in people), groups, users)


@dataclass(frozen=True, slots=True)
class Declared:
    """A document and where it was declared."""

    kind: Kind
    document: Document
    source: Source


def check_together(
    declared: Iterable[Declared], problems: Problems, others: Provisioned = NOBODY
) -> None:
    """Report duplicates, unknown references and groups that contain themselves.

    `others` are there beside what is declared.
    """
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
    transmitters = by_kind.get("transmitter", ())
    _check_unique(transmitters, "issuer", "transmitter", lambda item: item.issuer, problems)
    _check_provisioned(by_kind, others, problems)
    _check_references(by_kind, others, problems)
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


def _check_provisioned(
    declared: Mapping[Kind, Iterable[Declared]], others: Provisioned, problems: Problems
) -> None:
    groups = {group.lower(): group for group in others.groups}
    for item in declared.get("group", ()):
        if (group := groups.get(item.document.id.lower())) is not None:
            _provisioned(item.source, "id", f"group `{group}`", problems)
    for item in declared.get("user", ()):
        for key in ("id", "email"):
            if (person := others.users.get(getattr(item.document, key).lower())) is not None:
                _provisioned(item.source, key, f"person `{person}`", problems)


def _provisioned(source: Source, key: str, whom: str, problems: Problems) -> None:
    problems.add(
        source,
        (key,),
        f"provisioned-{key}",
        f"The directory provisions the {whom}, who has this {key} already.",
        "Take this table out of the files, or take them out of the directory first.",
    )


def _check_references(
    declared: Mapping[Kind, Iterable[Declared]], others: Provisioned, problems: Problems
) -> None:
    known = {kind: {item.document.id for item in items} for kind, items in declared.items()}
    beside: dict[Kind, frozenset[str]] = {"user": others.people, "group": others.groups}
    for kind, fields in REFERENCES.items():
        for item in declared.get(kind, ()):
            for key, target in fields.items():
                for keys, name in _names(getattr(item.document, key), key, target):
                    if name and not any(name in ids.get(target, ()) for ids in (known, beside)):
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
