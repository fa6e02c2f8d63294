"""osquery's use cases on the store in memory, and where their facts go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.osquery.parts import Osquery, TakeFacts
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact, FactName, Trust, fits
from tests.fakes.fleet import fleet_on


@dataclass
class KeptFacts:
    """`take_facts` that keeps what it is given; `refuses` are facts that are known better."""

    taken: list[tuple[DeviceId, Fact, Trust]] = field(default_factory=list)
    refuses: set[FactName] = field(default_factory=set)

    async def __call__(
        self, _: Fleet, device: DeviceId, facts: Sequence[Fact], trust: Trust, now: UnixSeconds
    ) -> None:
        if any(fact.name in self.refuses or fact.at > now or not fits(fact) for fact in facts):
            raise DoorwardError("facts-implausible", "It is older than what is known.")
        self.taken += [(device, fact, trust) for fact in facts]

    def latest(self, device: str) -> dict[FactName, Fact]:
        """What is known of a device."""
        return {fact.name: fact for of, fact, _ in self.taken if of == device}


def osquery_on(control: ControlPlane, taking: TakeFacts | None = None) -> Osquery:
    """The parts, on `control`."""
    return Osquery(fleet_on(control), taking or KeptFacts())
