"""A machine that answers from recordings (port `doorward.agent.machine.Machine`).

Commands are looked up by their whole argv, joined with spaces; files by their path. What was not
recorded is not there, as on a machine without that tool.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from doorward.agent.collectors.collect import collect
from doorward.agent.collectors.tables import TABLES
from doorward.agent.machine import Output
from doorward.agent.unknown import Unknown
from doorward.model.device import Platform
from doorward.model.ids import UnixSeconds
from doorward.model.posture import Fact, FactName

NOW = 1_790_000_000.0
"""21 September 2026."""


class RecordedMachine:
    def __init__(
        self,
        commands: Mapping[str, str | Output] | None = None,
        files: Mapping[str, str] | None = None,
        modified: Mapping[str, float] | None = None,
    ) -> None:
        self.commands = dict(commands or {})
        self.files = dict(files or {})
        self.modified = dict(modified or {})
        self.asked: list[str] = []
        self.closed: set[str] = set()

    def run(self, argv: Sequence[str], timeout_seconds: float) -> Output | Unknown:
        line = " ".join(argv)
        self.asked.append(line)
        found = self.commands.get(line)
        if found is None:
            return Unknown(f"The command {argv[0]} is not there.")
        return Output(0, found) if isinstance(found, str) else found

    def read(self, path: str) -> str | Unknown:
        return self.files.get(path, Unknown(f"There is no {path}."))

    def exists(self, path: str) -> bool:
        return any(name == path or name.startswith(f"{path}/") for name in self.files)

    def names(self, folder: str) -> tuple[str, ...] | Unknown:
        if folder in self.closed:
            return Unknown(f"{folder} cannot be looked through.")
        below = [name.removeprefix(f"{folder}/") for name in self.files if name.startswith(folder)]
        return tuple(sorted({name.partition("/")[0] for name in below}))

    def modified_at(self, path: str) -> float | None:
        return self.modified.get(path)


class Remembered:
    """Port `Sightings` in memory."""

    def __init__(self) -> None:
        self.seen: dict[str, UnixSeconds] = {}

    def note(self, pending: Collection[str], at: UnixSeconds) -> UnixSeconds | None:
        self.seen = {name: self.seen.get(name, at) for name in pending}
        return min(self.seen.values(), default=None)


def found(
    platform: Platform,
    machine: RecordedMachine,
    name: FactName,
    *,
    sightings: Remembered | None = None,
    now: UnixSeconds = NOW,
) -> Fact:
    """One fact of a recorded machine."""
    return collect(TABLES[platform], machine, sightings or Remembered(), now, [name])[name]
