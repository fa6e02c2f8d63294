"""Asking PowerShell: a script that prints one JSON value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from doorward.agent.collectors.finding import Scene, ask
from doorward.agent.unknown import Unknown

T = TypeVar("T")
R = TypeVar("R")

POWERSHELL: Final = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command")


def powershell(
    scene: Scene, script: str, parse: Callable[[str], T | Unknown], *, timeout_seconds: float = 60
) -> T | Unknown:
    """What `parse` makes of what a script prints. An error in it ends it, with status 1."""
    command = (*POWERSHELL, f"$ErrorActionPreference='Stop'; {script}")
    return ask(scene.machine, command, parse, timeout_seconds=timeout_seconds)


def rows(text: str, kind: type[R]) -> Sequence[R] | Unknown:
    """A list of objects. `ConvertTo-Json` prints a list of one as its one object."""
    try:
        value = msgspec.json.decode(text.strip().removeprefix("\ufeff") or "[]")
        return msgspec.convert(value if isinstance(value, list) else [value], list[kind])  # type: ignore[valid-type]
    except (msgspec.MsgspecError, RecursionError):
        return Unknown("What PowerShell printed is not understood.")
