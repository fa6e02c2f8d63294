"""os-name, os-version, os-supported: what sw_vers(1) says."""

from __future__ import annotations

from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, ask
from doorward.agent.collectors.os_support import supported
from doorward.agent.collectors.versions import version

PRODUCT_VERSION: Final = ("sw_vers", "-productVersion")
NAME: Final = "macos"


def os_name(scene: Scene) -> Finding:
    """Finding of the name, where sw_vers is there."""
    return Finding("sw_vers", ask(scene.machine, PRODUCT_VERSION, lambda _: NAME))


def os_version(scene: Scene) -> Finding:
    """Finding such as `15.7.4`."""
    return Finding("sw_vers", ask(scene.machine, PRODUCT_VERSION, version))


def os_supported(scene: Scene) -> Finding:
    """Finding from the table of `os_support`."""
    found = ask(scene.machine, PRODUCT_VERSION, version)
    answer = supported(NAME, found, scene.now) if isinstance(found, str) else found
    return Finding("sw_vers", answer)
