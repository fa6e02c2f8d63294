"""From an event to what it does here."""

from __future__ import annotations

from doorward.administrator.receiver.account_signals import account_disabled, account_enabled
from doorward.administrator.receiver.applying import Applying, Done
from doorward.administrator.receiver.device_signals import compliance_changed
from doorward.administrator.receiver.risk_signals import risk_changed
from doorward.administrator.receiver.session_signals import (
    assurance_changed,
    claims_changed,
    credential_changed,
    session_revoked,
)
from doorward.protocol.signals.events import (
    AccountDisabled,
    AccountEnabled,
    AssuranceLevelChange,
    CredentialChange,
    DeviceComplianceChange,
    RiskLevelChange,
    SessionRevoked,
    TokenClaimsChange,
)


async def applied(applying: Applying) -> Done:
    """Do what the event says. Whether its transmitter may is known already."""
    match applying.event.event:
        case SessionRevoked():
            return await session_revoked(applying)
        case TokenClaimsChange() as event:
            return await claims_changed(applying, event)
        case CredentialChange() as event:
            return await credential_changed(applying, event)
        case AssuranceLevelChange() as event:
            return await assurance_changed(applying, event)
        case DeviceComplianceChange() as event:
            return await compliance_changed(applying, event)
        case RiskLevelChange() as event:
            return await risk_changed(applying, event)
        case AccountDisabled():
            return await account_disabled(applying)
        case AccountEnabled():
            return await account_enabled(applying)
    return Done(otherwise="event-unknown")
