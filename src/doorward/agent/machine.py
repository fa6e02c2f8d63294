"""The machine that the agent runs on, as a port: commands, files, and nothing that changes it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from doorward.agent.unknown import Unknown

MAX_OUTPUT_BYTES: Final = 4 * 1024 * 1024
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT: Final = ("HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SystemRoot")


class Output(NamedTuple):
    """What a command printed, and the status that it ended with."""

    status: int
    text: str
    errors: str = ""


class Machine(Protocol):
    """What collectors may ask. Each answer is a value, or why there is none; nothing raises."""

    def run(self, argv: Sequence[str], timeout_seconds: float) -> Output | Unknown:
        """Run a command without a shell, in English, without input."""
        ...

    def read(self, path: str) -> str | Unknown:
        """A file's text; bytes that are no UTF-8 are replaced."""
        ...

    def exists(self, path: str) -> bool: ...

    def names(self, folder: str) -> tuple[str, ...] | Unknown:
        """What a folder holds, sorted: nothing where there is none, unknown where it is closed."""
        ...

    def modified_at(self, path: str) -> float | None:
        """When a file last changed, in seconds since the epoch; None where there is none."""
        ...


class ThisMachine:
    """The real one."""

    def run(self, argv: Sequence[str], timeout_seconds: float) -> Output | Unknown:
        try:
            done = subprocess.run(
                list(argv),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_seconds,
                check=False,
                env=_environment(os.environ),
            )
        except FileNotFoundError:
            return Unknown(f"The command {argv[0]} is not there.")
        except subprocess.TimeoutExpired:
            return Unknown(f"{argv[0]} gave no answer within {timeout_seconds:.0f} seconds.")
        except (OSError, ValueError) as error:
            return Unknown(f"{argv[0]} could not be run ({type(error).__name__}).")
        if len(done.stdout) > MAX_OUTPUT_BYTES:
            return Unknown(f"{argv[0]} printed more than can be looked through.")
        return Output(done.returncode, _text(done.stdout), _text(done.stderr[:MAX_OUTPUT_BYTES]))

    def read(self, path: str) -> str | Unknown:
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_OUTPUT_BYTES + 1)
        except FileNotFoundError:
            return Unknown(f"There is no {path}.")
        except (OSError, ValueError) as error:
            return Unknown(f"{path} could not be read ({type(error).__name__}).")
        if len(data) > MAX_OUTPUT_BYTES:
            return Unknown(f"{path} is longer than can be looked through.")
        return _text(data)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)  # noqa: PTH110 (never raises, where Path.exists may)

    def names(self, folder: str) -> tuple[str, ...] | Unknown:
        try:
            return tuple(sorted(os.listdir(folder)))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            return Unknown(f"{folder} cannot be looked through ({type(error).__name__}).")

    def modified_at(self, path: str) -> float | None:
        try:
            return Path(path).stat().st_mtime
        except (OSError, ValueError):
            return None


class OneLook:
    """A machine seen once: what two collectors ask for is asked of `machine` one time."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._outputs: dict[tuple[str, ...], Output | Unknown] = {}

    def run(self, argv: Sequence[str], timeout_seconds: float) -> Output | Unknown:
        key = tuple(argv)
        if key not in self._outputs:
            self._outputs[key] = self._machine.run(argv, timeout_seconds)
        return self._outputs[key]

    def read(self, path: str) -> str | Unknown:
        return self._machine.read(path)

    def exists(self, path: str) -> bool:
        return self._machine.exists(path)

    def names(self, folder: str) -> tuple[str, ...] | Unknown:
        return self._machine.names(folder)

    def modified_at(self, path: str) -> float | None:
        return self._machine.modified_at(path)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """English, the system's own folders first, and nothing of who started the agent."""
    kept = {name: environment[name] for name in _KEPT if name in environment}
    if os.name == "posix":
        return {**kept, "LC_ALL": "C", "PATH": _PATH}
    return dict(environment)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
