"""The console's navigation: a page for each area, in groups, of which one is open at a time."""

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
    """Entries that belong together: a group leads to the first of them."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """The group's name; where only one entry is left, that entry's."""
        return self.name if len(self.entries) > 1 else self.entries[0].name

    def holds(self, area: Area) -> bool:
        """Whether a page of `area` belongs here."""
        return any(entry.area == area for entry in self.entries)


NAVIGATION: Final = (
    Group("Overview", (Entry("/", "Overview", "overview"),)),
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
            Entry("/people", "Everyone", "people"),
            Entry("/identity", "Identity", "proofing"),
            Entry("/recoveries", "Recoveries", "recoveries"),
        ),
    ),
    Group(
        "Access",
        (
            Entry("/resources", "Resources", "estate"),
            Entry("/applications", "Applications", "applications"),
            Entry("/devices", "Devices", "devices"),
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
