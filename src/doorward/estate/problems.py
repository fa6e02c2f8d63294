"""The errors of an estate: all of them, in order, not only the first."""

from __future__ import annotations

from dataclasses import dataclass, field

from doorward.errors import SourceError
from doorward.estate.positions import Lines, Path


@dataclass(frozen=True, slots=True)
class Source:
    """One table of one file: where it begins and where its keys stand."""

    file: str
    path: Path
    lines: Lines

    def line(self, *keys: str | int) -> int:
        """The line of a key below the table, or of the nearest thing above that is written."""
        wanted = (*self.path, *keys)
        while wanted not in self.lines.found:
            wanted = wanted[:-1]
        return self.lines.found[wanted]

    def below(self, *keys: str | int) -> Source:
        """The table at `keys` below this one."""
        return Source(self.file, (*self.path, *keys), self.lines)


@dataclass(slots=True)
class Problems:
    """Collects errors while the rest of the estate is still read."""

    found: list[SourceError] = field(default_factory=list)

    def add(
        self, source: Source, keys: tuple[str | int, ...], code: str, detail: str, remedy: str
    ) -> None:
        """Record one error at `keys` below `source`."""
        line = source.line(*keys)
        self.found.append(SourceError(code, detail, remedy, file=source.file, line=line))

    def take(self, error: SourceError) -> None:
        """Record an error that was raised, without the frames that it came through.

        What is remembered of a file must not hold on to what was at work when it was read.
        """
        code, detail, remedy = error.code, error.detail, error.remedy
        self.found.append(SourceError(code, detail, remedy, file=error.file, line=error.line))
