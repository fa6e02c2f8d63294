"""The gateway's parent: keeps the decision process and Envoy running, and decides nothing.

1. Envoy runs only while the tickets of every earlier decision process are void.
2. When the decision process ends, or is silent for too long, all tickets are voided before it is
   started again. Where that cannot be written, Envoy is killed and stays down until it can.
3. When Envoy ends it is started again; sessions live in the snapshot and are not touched.
4. Both children die with this process.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from doorward.adapters.atomic_file import replace_file
from doorward.adapters.child_process import ChildProcess

EXIT_ENVOY_DOES_NOT_FOLLOW = 4
_SILENCE_SECONDS = 5.0
_STARTING_SECONDS = 30.0
_TURN_SECONDS = 0.25
_GRACE_SECONDS = 3.0
_BACK_OFF_SECONDS = 0.5
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


def void_tickets(epoch_file: Path) -> None:
    """Put an epoch that no ticket bears into `epoch_file`.

    Raises OSError or ValueError where that cannot be done. Without the file Envoy takes no ticket.
    """
    try:
        text = epoch_file.read_text("utf-8")
    except FileNotFoundError:
        return
    epoch = json.loads(text)["version_info"]
    if not isinstance(epoch, str) or not epoch.isdecimal():
        raise ValueError("version_info")
    replace_file(epoch_file, text.replace(epoch, str(secrets.randbits(52))))


class Parent:
    """Supervises one gateway's two children. `decision` and `envoy` are their command lines.

    The decision process gets the descriptor of a pipe as its last argument and writes a byte
    into it twice a second, from the moment Envoy's files are written.
    """

    def __init__(self, decision: list[str], envoy: list[str], epoch_file: Path) -> None:
        self._decision_command = decision
        self._envoy_command = envoy
        self._epoch_file = epoch_file
        self._decision: ChildProcess | None = None
        self._envoy: ChildProcess | None = None
        self._pulse = -1
        self._heard_at = 0.0
        self._ready = False
        self._voided = False
        self._not_before = {"decision": 0.0, "envoy": 0.0}

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            while True:
                self.turn()
                received = signal.sigtimedwait(_SIGNALS, _TURN_SECONDS)
                if received is not None and received.si_signo != signal.SIGCHLD:
                    return
        finally:
            for child in (self._envoy, self._decision):
                if child is not None:
                    child.stop(_GRACE_SECONDS)

    def turn(self) -> None:
        """Look at both children once, and put right what is not."""
        now = time.monotonic()
        self._listen(now)
        self._look_at_decision(now)
        if not self._voided:
            self._void()
        if self._voided and self._decision is None and now >= self._not_before["decision"]:
            self._start_decision(now)
        if self._envoy is not None and self._envoy.exit_status() is not None:
            _say("Envoy ended; it is started again.")
            self._envoy = None
            self._not_before["envoy"] = now + _BACK_OFF_SECONDS
        if self._envoy is None and self._ready and now >= self._not_before["envoy"]:
            self._envoy = ChildProcess(self._envoy_command)

    def _look_at_decision(self, now: float) -> None:
        child = self._decision
        if child is None:
            return
        silent_for = now - self._heard_at
        if silent_for > (_SILENCE_SECONDS if self._ready else _STARTING_SECONDS):
            child.kill()
        status = child.exit_status()
        if status is None:
            return
        _say(f"The decision process ended with status {status}; all tickets are voided.")
        if status == EXIT_ENVOY_DOES_NOT_FOLLOW:
            self._kill_envoy()
        self._decision = None
        self._ready = False
        self._voided = False
        self._not_before["decision"] = now + _BACK_OFF_SECONDS
        os.close(self._pulse)

    def _void(self) -> None:
        try:
            void_tickets(self._epoch_file)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _say(f"Tickets cannot be voided ({type(error).__name__}); Envoy stays down.")
            self._kill_envoy()
        else:
            self._voided = True

    def _start_decision(self, now: float) -> None:
        self._pulse, end = os.pipe()
        os.set_blocking(self._pulse, False)
        self._decision = ChildProcess([*self._decision_command, str(end)], [end])
        os.close(end)
        self._heard_at = now

    def _listen(self, now: float) -> None:
        if self._decision is None:
            return
        try:
            heard = os.read(self._pulse, 4096)
        except BlockingIOError:
            return
        if heard:
            self._heard_at = now
            self._ready = True

    def _kill_envoy(self) -> None:
        if self._envoy is not None:
            self._envoy.kill()
            self._envoy = None


def _say(sentence: str) -> None:
    sys.stderr.write(f"gateway: {sentence}\n")
    sys.stderr.flush()
