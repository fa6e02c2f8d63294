"""Identifier types. All are non-empty ASCII of at most 128 characters without white space."""

from __future__ import annotations

import re
from typing import NewType

UserId = NewType("UserId", str)
GroupId = NewType("GroupId", str)
RoleId = NewType("RoleId", str)
ServiceId = NewType("ServiceId", str)
DeviceId = NewType("DeviceId", str)
LabelId = NewType("LabelId", str)
AuthenticatorId = NewType("AuthenticatorId", str)
NetworkId = NewType("NetworkId", str)
ResourceId = NewType("ResourceId", str)
ClientId = NewType("ClientId", str)
PolicyId = NewType("PolicyId", str)
SessionId = NewType("SessionId", str)
ServiceTokenId = NewType("ServiceTokenId", str)
GatewayId = NewType("GatewayId", str)
DecisionId = NewType("DecisionId", str)
ProviderId = NewType("ProviderId", str)
ComplianceId = NewType("ComplianceId", str)
TransmitterId = NewType("TransmitterId", str)

UnixSeconds = float
"""Seconds since 1970-01-01T00:00:00Z."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,127}")


def is_id(text: str) -> bool:
    """Whether `text` may be used as an identifier."""
    return _ID.fullmatch(text) is not None
