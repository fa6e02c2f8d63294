"""agent-version: the version of this program."""

from __future__ import annotations

from doorward import __version__
from doorward.agent.collectors.finding import Finding, Scene
from doorward.agent.collectors.versions import version


def agent_version(scene: Scene) -> Finding:  # noqa: ARG001
    """Finding of the package's own version."""
    return Finding("doorward", version(__version__))
