"""Other systems that send signals (Shared Signals Framework 1.0), and what their word may do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from doorward.model.ids import ProviderId, TransmitterId

Delivery = Literal["push", "poll"]
SignalName = Literal[
    "session-revoked",
    "token-claims-change",
    "credential-change",
    "assurance-level-change",
    "device-compliance-change",
    "risk-level-change",
    "account-disabled",
    "account-enabled",
]
"""Events by the last segment of their type's URI (CAEP 1.0, RISC 1.0)."""
SignalEffect = Literal[
    "end-sessions",
    "renew-sessions",
    "step-up",
    "lower-assurance",
    "device-health",
    "risk",
    "disable",
]
RiskLevel = Literal["LOW", "MEDIUM", "HIGH"]

EFFECT_OF: Mapping[SignalName, SignalEffect] = MappingProxyType(
    {
        "session-revoked": "end-sessions",
        "token-claims-change": "renew-sessions",
        "credential-change": "step-up",
        "assurance-level-change": "lower-assurance",
        "device-compliance-change": "device-health",
        "risk-level-change": "risk",
        "account-disabled": "disable",
        "account-enabled": "disable",
    }
)
"""What each event causes, where the estate lets its transmitter cause that."""

SESSION_EFFECTS: tuple[SignalEffect, ...] = (
    "end-sessions",
    "renew-sessions",
    "step-up",
    "lower-assurance",
)
"""What costs a person one more sign-in at the most: allowed unless the estate says otherwise."""


class RiskRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a level of a transmitter is worth as risk, 0 to 100."""

    level: RiskLevel
    risk: int


class Transmitter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system whose security events are received.

    It may send `events`; others are recorded and never acted on. `effects` are what they may do.
    People are known by verified address of `domains`, or by their linked account at `provider`.
    `audience` is what its tokens must name; empty for what the transmitter said when its stream
    was made. Its secrets are not part of the estate.
    """

    id: TransmitterId
    name: str
    issuer: str
    events: tuple[SignalName, ...]
    delivery: Delivery = "push"
    effects: tuple[SignalEffect, ...] = SESSION_EFFECTS
    domains: tuple[str, ...] = ()
    provider: ProviderId | Literal[""] = ""
    audience: str = ""
    risk: tuple[RiskRow, ...] = ()

    @property
    def authority(self) -> str:
        """How documents and the audit log name it."""
        return f"transmitter:{self.id}"

    def risk_of(self, level: RiskLevel) -> int | None:
        """What `level` is worth; None where the estate does not say."""
        return next((row.risk for row in self.risk if row.level == level), None)
