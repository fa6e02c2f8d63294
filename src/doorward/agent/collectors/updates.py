"""updates-age-days: for how long the oldest pending security update has waited.

No package manager tells it, so the agent remembers when it first saw each update. A device that
is enrolled with old updates pending starts at 0.
"""

from __future__ import annotations

from collections.abc import Callable

from doorward.agent.collectors.finding import Collector, Finding, Scene
from doorward.agent.unknown import Unknown

Pending = frozenset[str]
"""Security updates that wait: a name and version each."""

PendingFinder = Callable[[Scene], tuple[str, Pending | Unknown]]
"""The method, and what it found."""

_DAY_SECONDS = 86_400


def pending_count(find: PendingFinder) -> Collector:
    """A collector of updates-pending."""

    def collect(scene: Scene) -> Finding:
        method, pending = find(scene)
        return Finding(method, pending if isinstance(pending, Unknown) else len(pending))

    return collect


def pending_age(find: PendingFinder) -> Collector:
    """A collector of updates-age-days."""

    def collect(scene: Scene) -> Finding:
        method, pending = find(scene)
        if isinstance(pending, Unknown):
            return Finding(method, pending)
        since = scene.sightings.note(pending, scene.now)
        waited = 0 if since is None else scene.now - since
        return Finding(method, max(0, int(waited // _DAY_SECONDS)))

    return collect
