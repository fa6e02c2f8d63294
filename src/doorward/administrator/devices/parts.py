"""The parts that use cases about devices share."""

from __future__ import annotations

from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.postures import Postures
from doorward.administrator.devices.roll import Roll
from doorward.administrator.fleet.attestation import TpmMakers
from doorward.administrator.fleet.last_quotes import LastQuotes
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
    makers: TpmMakers
    trust_domain: str
    report_seconds: float = 300.0
    quotes: LastQuotes = field(default_factory=LastQuotes)
    postures: Postures = field(default_factory=Postures)
