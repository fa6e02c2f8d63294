"""reboot-needed: whether an installed update waits for a restart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, ask
from doorward.agent.collectors.versions import numbers
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

MARKS: Final = ("/run/reboot-required", "/var/run/reboot-required")
NEEDS_RESTARTING: Final = ("needs-restarting", "--reboothint")
UNAME: Final = ("uname", "-r")
_RELEASE: Final = re.compile(r"\d+\.\d+[\w.+~-]{0,120}", re.ASCII)


def reboot_needed(scene: Scene) -> Finding:
    """Finding from Debian's mark, dnf's plugin, or the kernels that are installed."""
    machine = scene.machine
    if any(machine.exists(mark) for mark in MARKS):
        return Finding("reboot-required", answer=True)
    hint = machine.run(NEEDS_RESTARTING, 30)
    if not isinstance(hint, Unknown) and hint.status in {0, 1}:
        return Finding("needs-restarting", hint.status == 1)
    return Finding("kernel", _kernel(machine))


def _kernel(machine: Machine) -> bool | Unknown:
    names = machine.names("/boot")
    if isinstance(names, Unknown):
        return names
    installed = [name.removeprefix("vmlinuz-") for name in names if name.startswith("vmlinuz-")]
    return ask(machine, UNAME, lambda text: newer_kernel(text, installed))


def newer_kernel(running: str, installed: Sequence[str]) -> bool | Unknown:
    """Whether a kernel of the running one's flavour is installed that is newer than it."""
    release = running.strip()
    if _RELEASE.fullmatch(release) is None:
        return Unknown("The kernel's version is not understood.")
    if not installed:
        return Unknown("No kernel is installed here: somebody else starts this machine.")
    same = [name for name in installed if _flavour(name) == _flavour(release)]
    if release not in same:
        return Unknown("The kernel that runs is not among those installed.")
    return any(numbers(name) > numbers(release) for name in same)


def _flavour(release: str) -> str:
    """What follows the numbers: `amd64` of `6.1.0-28-amd64`, `x86_64` of `6.1.5-2.fc43.x86_64`."""
    return re.sub(r"^[\d.+~_-]*(?:(?:fc|el|amzn)\d\w*\.?)?", "", release)
