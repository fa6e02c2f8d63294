"""Updates that wait, as softwareupdate(8) lists them.

Apple does not say which of them mend security; each that it recommends counts.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene
from doorward.agent.collectors.updates import Pending
from doorward.agent.unknown import Unknown

SOFTWAREUPDATE: Final = ("softwareupdate", "--list")
_NOTHING: Final = "No new software available"
_LABEL: Final = re.compile(r"^\s*\* (?:Label: )?(.{1,200}?)\s*$")


def pending_security(scene: Scene) -> tuple[str, Pending | Unknown]:
    """The answer stands on standard error where nothing is pending."""
    output = scene.machine.run(SOFTWAREUPDATE, 300)
    if isinstance(output, Unknown):
        return "softwareupdate", output
    if output.status != 0:
        return "softwareupdate", Unknown(f"softwareupdate failed with status {output.status}.")
    return "softwareupdate", parse_softwareupdate(output.text + output.errors)


def parse_softwareupdate(text: str) -> Pending | Unknown:
    """Labels whose next line says `Recommended: YES`."""
    lines = text.splitlines()
    pending = set()
    labels = 0
    for line, following in pairwise([*lines, ""]):
        found = _LABEL.match(line)
        if found:
            labels += 1
            if re.search(r"(?i)recommended: yes\b|\[recommended\]", following):
                pending.add(found[1])
    if not labels and _NOTHING not in text:
        return Unknown("What softwareupdate printed is not understood.")
    return frozenset(pending)


def reboot_needed(scene: Scene) -> Finding:  # noqa: ARG001
    """Unknown: macOS installs and restarts in one step, and does not tell of one alone."""
    return Finding("macos", Unknown("macOS does not say whether an update waits for a restart."))
