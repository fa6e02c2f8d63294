"""Collecting: each fact of a table, as a fact that fits or as unknown with its why."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from doorward.agent.collectors.finding import Collector, Finding, Scene, Sightings
from doorward.agent.collectors.tables import Table
from doorward.agent.machine import Machine, OneLook
from doorward.agent.unknown import Unknown
from doorward.model.ids import UnixSeconds
from doorward.model.posture import MAX_TEXT, Fact, FactName, fits


def collect(
    table: Table,
    machine: Machine,
    sightings: Sightings,
    now: UnixSeconds,
    names: Collection[FactName] = (),
) -> Mapping[FactName, Fact]:
    """The facts called `names`, all of the table where none are named, as they are at `now`."""
    scene = Scene(OneLook(machine), now, sightings)
    wanted = names or table.keys()
    return {
        name: _fact(name, _found(collector, scene), now)
        for name, collector in table.items()
        if name in wanted
    }


def _found(collector: Collector, scene: Scene) -> Finding:
    """A defect of one collector must not cost the other facts."""
    try:
        return collector(scene)
    except Exception as error:  # noqa: BLE001
        return Finding("none", Unknown(f"The agent failed to look ({type(error).__name__})."))


def _fact(name: FactName, finding: Finding, now: UnixSeconds) -> Fact:
    answer = finding.answer
    if isinstance(answer, Unknown):
        return Fact(name=name, value=None, at=now, method=finding.method, why=answer.why[:MAX_TEXT])
    fact = Fact(name=name, value=answer, at=now, method=finding.method)
    if fits(fact):
        return fact
    why = "What was found does not fit."
    return Fact(name=name, value=None, at=now, method=finding.method, why=why)
