"""Keeps the processes of one machine running, and stops them together."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path

from doorward.adapters.child_process import ChildProcess

_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_TURN_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
_STEADY_SECONDS = 30.0
_GRACE_SECONDS = 8.0


class Supervision:
    """Child processes by name: started in order, started again when they end."""

    def __init__(self, commands: Mapping[str, list[str]], logs: Path) -> None:
        self._commands = commands
        self._logs = logs
        self._running: dict[str, ChildProcess] = {}
        self._started_at: dict[str, float] = {}
        self._pause: dict[str, float] = {}
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def turn(self) -> None:
        """Start what does not run and whose pause is over."""
        now = time.monotonic()
        for name in self._commands:
            child = self._running.get(name)
            if child is not None and child.exit_status() is not None:
                del self._running[name]
                steady = now - self._started_at[name] > _STEADY_SECONDS
                pause = _FIRST_PAUSE_SECONDS if steady else self._pause.get(name, 0.25) * 2
                self._pause[name] = min(pause, _LONGEST_PAUSE_SECONDS)
            if name not in self._running and self._due(name, now):
                self._started_at[name] = now
                self._running[name] = ChildProcess(
                    self._commands[name], log=self._logs / f"{name}.log"
                )

    def exit_status(self, name: str) -> int | None:
        """How `name` ended, None while it runs or before it was started."""
        child = self._running.get(name)
        return child.exit_status() if child is not None else None

    def wait(self, seconds: float = _TURN_SECONDS) -> bool:
        """Whether it is time to stop; returns after `seconds`, or as soon as a child ends."""
        received = signal.sigtimedwait(_SIGNALS, seconds)
        return received is not None and received.si_signo != signal.SIGCHLD

    def stop(self) -> None:
        """End every child, the last started first."""
        for name in reversed(tuple(self._commands)):
            child = self._running.pop(name, None)
            if child is not None:
                child.stop(_GRACE_SECONDS)

    def _due(self, name: str, now: float) -> bool:
        last = self._started_at.get(name)
        return last is None or now - last >= self._pause.get(name, 0.0)
