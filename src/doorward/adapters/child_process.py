"""Child processes that die with their parent. Imports little: the gateway's parent stays small."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ChildProcess:
    """A running child. Its pid stays ours until `exit_status` has been read."""

    def __init__(
        self, command: Sequence[str], pass_fds: Sequence[int] = (), log: Path | None = None
    ) -> None:
        """Start it; what it prints is appended to `log`, or else goes where ours goes.

        Raises OSError.
        """
        parent = os.getpid()

        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())

        with ExitStack() as files:
            output = None if log is None else files.enter_context(log.open("ab"))
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=tuple(pass_fds),
                preexec_fn=prepare,  # noqa: PLW1509 - the parent has a single thread
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_status(self) -> int | None:
        """Its exit status (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    def stop(self, grace_seconds: float) -> None:
        """Ask it to end, then make it end."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it now."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
