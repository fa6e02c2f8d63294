"""screen-lock: when the screen saver starts, and how soon it asks for the password."""

from __future__ import annotations

import re
from typing import Final

from doorward.agent.collectors.finding import MAX_IDLE_SECONDS, Finding, Scene, ask
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

SYSADMINCTL: Final = ("sysadminctl", "-screenLock", "status")
IDLE_TIME: Final = ("defaults", "-currentHost", "read", "com.apple.screensaver", "idleTime")


def screen_lock(scene: Scene) -> Finding:
    """Finding for the person whom the agent runs as."""
    delay = _delay(scene.machine)
    if delay is False or isinstance(delay, Unknown):
        return Finding("sysadminctl", delay)
    idle = ask(scene.machine, IDLE_TIME, parse_seconds)
    if isinstance(idle, Unknown):
        return Finding("sysadminctl", idle)
    return Finding("sysadminctl", 0 < idle <= MAX_IDLE_SECONDS - delay)


def _delay(machine: Machine) -> int | bool | Unknown:
    """Sysadminctl prints what it found on standard error."""
    output = machine.run(SYSADMINCTL, 10)
    return output if isinstance(output, Unknown) else parse_delay(output.errors + output.text)


def parse_delay(text: str) -> int | bool | Unknown:
    """Seconds until the password is asked for; False where it never is."""
    if re.search(r"screenLock is off", text):
        return False
    if re.search(r"screenLock delay is immediate", text):
        return 0
    found = re.search(r"screenLock delay is (\d{1,9})(?:\.\d+)? seconds", text, re.ASCII)
    return int(found[1]) if found else Unknown("What sysadminctl printed is not understood.")


def parse_seconds(text: str) -> int | Unknown:
    """The idle time; where none is set, the default differs from release to release."""
    found = re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII)
    return int(found[0]) if found else Unknown("When the screen saver starts is not known.")
