"""Security events (CAEP 1.0, RISC 1.0, SSF 1.0) and the tokens that carry them (RFC 8417)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from doorward.protocol.signals.subjects import Json

TOKEN_TYPE: Final = "secevent+jwt"  # noqa: S105 - a header's value
"""The header `typ` of every token (RFC 8417, 2.3)."""

CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"

SESSION_REVOKED: Final = f"{CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE: Final = f"{CAEP}token-claims-change"
CREDENTIAL_CHANGE: Final = f"{CAEP}credential-change"
ASSURANCE_LEVEL_CHANGE: Final = f"{CAEP}assurance-level-change"
DEVICE_COMPLIANCE_CHANGE: Final = f"{CAEP}device-compliance-change"
RISK_LEVEL_CHANGE: Final = f"{CAEP}risk-level-change"
ACCOUNT_DISABLED: Final = f"{RISC}account-disabled"
ACCOUNT_ENABLED: Final = f"{RISC}account-enabled"
VERIFICATION: Final = f"{SSF}verification"
STREAM_UPDATED: Final = f"{SSF}stream-updated"

Initiator = Literal["admin", "user", "policy", "system"]
CredentialChangeType = Literal["create", "revoke", "update", "delete"]
ComplianceStatus = Literal["compliant", "not-compliant"]
RiskLevel = Literal["LOW", "MEDIUM", "HIGH"]
StreamStatus = Literal["enabled", "paused", "disabled"]

Reason = dict[str, str]
"""A message by language tag (BCP 47)."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event may say (CAEP 1.0, 2). Members that are not known are ignored.

    `event_timestamp` is when it happened, in seconds since the epoch.
    """

    event_timestamp: int | float | UnsetType = UNSET
    initiating_entity: Initiator | UnsetType = UNSET
    reason_admin: Reason | UnsetType = UNSET
    reason_user: Reason | UnsetType = UNSET


class SessionRevoked(Event, frozen=True, kw_only=True):
    """CAEP 1.0, 3.1."""


class TokenClaimsChange(Event, frozen=True, kw_only=True):
    """CAEP 1.0, 3.2: `claims` with their new values."""

    claims: Json


class CredentialChange(Event, frozen=True, kw_only=True):
    """CAEP 1.0, 3.3. `credential_type` is of the specification's list, or of the parties' own."""

    credential_type: str
    change_type: CredentialChangeType
    friendly_name: str | UnsetType = UNSET
    x509_issuer: str | UnsetType = UNSET
    x509_serial: str | UnsetType = UNSET
    fido2_aaguid: str | UnsetType = UNSET


class AssuranceLevelChange(Event, frozen=True, kw_only=True):
    """CAEP 1.0, 3.4."""

    namespace: str
    current_level: str
    previous_level: str | UnsetType = UNSET
    change_direction: Literal["increase", "decrease"] | UnsetType = UNSET


class DeviceComplianceChange(Event, frozen=True, kw_only=True):
    """CAEP 1.0, 3.5."""

    previous_status: ComplianceStatus
    current_status: ComplianceStatus


class RiskLevelChange(Event, frozen=True, kw_only=True):
    """CAEP 1.0, 3.8. `principal` is USER, DEVICE, SESSION or another entity's name."""

    principal: str
    current_level: RiskLevel
    previous_level: RiskLevel | UnsetType = UNSET
    risk_reason: str | UnsetType = UNSET


class AccountDisabled(Event, frozen=True, kw_only=True):
    """RISC 1.0, 2.3. `reason` is `hijacking` or `bulk-account`."""

    reason: str | UnsetType = UNSET


class AccountEnabled(Event, frozen=True, kw_only=True):
    """RISC 1.0, 2.4."""


class Verification(Event, frozen=True, kw_only=True):
    """SSF 1.0, 8.1.4.1: `state` as the receiver gave it."""

    state: str | UnsetType = UNSET


class StreamUpdated(Event, frozen=True, kw_only=True):
    """SSF 1.0, 8.1.5."""

    status: StreamStatus
    reason: str | UnsetType = UNSET


EVENTS: Mapping[str, type[Event]] = MappingProxyType(
    {
        SESSION_REVOKED: SessionRevoked,
        TOKEN_CLAIMS_CHANGE: TokenClaimsChange,
        CREDENTIAL_CHANGE: CredentialChange,
        ASSURANCE_LEVEL_CHANGE: AssuranceLevelChange,
        DEVICE_COMPLIANCE_CHANGE: DeviceComplianceChange,
        RISK_LEVEL_CHANGE: RiskLevelChange,
        ACCOUNT_DISABLED: AccountDisabled,
        ACCOUNT_ENABLED: AccountEnabled,
        VERIFICATION: Verification,
        STREAM_UPDATED: StreamUpdated,
    }
)
"""What each event type's payload is."""

SUBJECT_EVENTS: tuple[str, ...] = tuple(
    uri for uri in EVENTS if uri not in {VERIFICATION, STREAM_UPDATED}
)
"""The events about people and devices; the other two are about the stream itself."""

_TYPES = {struct: uri for uri, struct in EVENTS.items()}


def event_type(event: Event) -> str:
    """The URI of an event."""
    return _TYPES[type(event)]


def read_event(uri: str, payload: bytes | msgspec.Raw) -> Event:
    """The event of type `uri`, one of `EVENTS`. Raises msgspec.ValidationError."""
    return msgspec.json.decode(payload, type=EVENTS[uri])
