"""The parts that use cases about devices share."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.roll import Roll
from doorward.administrator.fleet.ports import DeviceAuthority, Nonces
from doorward.administrator.ports import Throttle


@dataclass(frozen=True, slots=True)
class Fleet:
    """Ports and values of what devices ask for and say.

    `trust_domain` is the first part of every SPIFFE ID; `report_seconds` is how often a device is
    asked to report.
    """

    control: ControlPlane
    authority: DeviceAuthority
    nonces: Nonces
    roll: Roll
    throttle: Throttle
    trust_domain: str
    report_seconds: float = 300.0
