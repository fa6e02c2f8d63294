"""The console's navigation: a page for each area, in four groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from doorward.model.areas import Area
from doorward.model.estate import Action


class Entry(NamedTuple):
    """A page of the navigation, and the area that it opens."""

    path: str
    name: str
    area: Area


class Group(NamedTuple):
    """Entries that belong together. `name` is empty for those that stand alone."""

    name: str
    entries: tuple[Entry, ...]


NAVIGATION: Final = (
    Group("", (Entry("/", "Overview", "overview"),)),
    Group(
        "Activity",
        (
            Entry("/decisions", "Decisions", "decisions"),
            Entry("/sessions", "Sessions", "sessions"),
            Entry("/audit", "Audit", "audit"),
        ),
    ),
    Group(
        "People",
        (
            Entry("/people", "People", "people"),
            Entry("/identity", "Identity", "proofing"),
            Entry("/recoveries", "Recoveries", "recoveries"),
        ),
    ),
    Group(
        "Things",
        (
            Entry("/resources", "Resources", "estate"),
            Entry("/devices", "Devices", "devices"),
            Entry("/applications", "Applications", "applications"),
        ),
    ),
    Group(
        "Connections",
        (
            Entry("/providers", "Providers", "providers"),
            Entry("/signals", "Signals", "signals"),
            Entry("/tokens", "Tokens", "tokens"),
        ),
    ),
)


def navigation(may: Callable[[Area, Action], bool]) -> list[Group]:
    """The groups with what may be opened; those with nothing are left out."""
    groups = [
        Group(name, tuple(entry for entry in entries if may(entry.area, "read")))
        for name, entries in NAVIGATION
    ]
    return [group for group in groups if group.entries]
