"""The parts that use cases about osquery's hosts share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.osquery.hosts import Hosts
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact, Trust

TakeFacts = Callable[[Fleet, DeviceId, Sequence[Fact], Trust, UnixSeconds], Awaitable[object]]
"""`administrator.devices.take_facts`."""


@dataclass(frozen=True, slots=True)
class Osquery:
    """The fleet, the hosts that speak to this process, and where their facts go."""

    fleet: Fleet
    take_facts: TakeFacts
    hosts: Hosts = field(default_factory=Hosts)

    @property
    def control(self) -> ControlPlane:
        """The control plane."""
        return self.fleet.control
