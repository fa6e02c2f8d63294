"""The parts that use cases about devices share."""

from __future__ import annotations

from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.attestor import Attestor
from doorward.administrator.devices.postures import Postures
from doorward.administrator.devices.roll import Roll
from doorward.administrator.fleet.enrolment_ports import UserCodes
from doorward.administrator.fleet.last_quotes import LastQuotes
from doorward.administrator.fleet.ports import DeviceAuthority, Nonces
from doorward.administrator.ports import Throttle


@dataclass(frozen=True, slots=True)
class Fleet:
    """Ports and values of what devices ask for and say.

    `trust_domain` is the first part of every SPIFFE ID; `auth_origin` is where people sign in,
    without closing slash; `report_seconds` is how often a device is asked to report;
    `certificate_seconds` how long a certificate lasts. Without an `attestor` no TPM is believed.
    """

    control: ControlPlane
    authority: DeviceAuthority
    nonces: Nonces
    roll: Roll
    throttle: Throttle
    codes: UserCodes
    trust_domain: str
    auth_origin: str
    certificate_seconds: float = 3600.0
    attestor: Attestor | None = None
    report_seconds: float = 300.0
    quotes: LastQuotes = field(default_factory=LastQuotes)
    postures: Postures = field(default_factory=Postures)
