"""What a collector finds, and how it asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown
from doorward.model.ids import UnixSeconds
from doorward.model.posture import FactValue

T = TypeVar("T")

MAX_IDLE_SECONDS: Final = 15 * 60
"""A screen that locks later than this after the last touch does not count as locking."""


class Finding(NamedTuple):
    """The value of a fact or why there is none, and what was asked."""

    method: str
    answer: FactValue | Unknown


class Sightings(Protocol):
    """The agent's memory of updates, so that it can tell how long each has waited."""

    def note(self, pending: Collection[str], at: UnixSeconds) -> UnixSeconds | None:
        """Keep when each of `pending` was first seen, forget all others; the earliest of them."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What a collector has to work with."""

    machine: Machine
    now: UnixSeconds
    sightings: Sightings


Collector = Callable[[Scene], Finding]


def ask(
    machine: Machine,
    argv: Sequence[str],
    parse: Callable[[str], T | Unknown],
    *,
    timeout_seconds: float = 10,
    statuses: Collection[int] = (0,),
) -> T | Unknown:
    """What `parse` makes of a command's output, where it ended with one of `statuses`."""
    output = machine.run(argv, timeout_seconds)
    if isinstance(output, Unknown):
        return output
    if output.status not in statuses:
        return Unknown(f"{argv[0]} failed with status {output.status}.")
    return parse(output.text)


def read(machine: Machine, path: str, parse: Callable[[str], T | Unknown]) -> T | Unknown:
    """What `parse` makes of a file."""
    text = machine.read(path)
    return text if isinstance(text, Unknown) else parse(text)


def first_known(findings: Sequence[Finding]) -> Finding:
    """The first that is known; where none is, the first as it is."""
    known = [finding for finding in findings if not isinstance(finding.answer, Unknown)]
    return (known or list(findings))[0]
