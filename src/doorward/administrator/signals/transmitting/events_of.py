"""What happened, as events: from documents and credentials before and after. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import UNSET

from doorward.administrator.ports import Passkey, Password, Totp
from doorward.administrator.signals.transmitting.differences import (
    Cause,
    Credential,
    CredentialDifference,
    DocumentDifference,
    RecoveryCodes,
    Told,
)
from doorward.administrator.signals.transmitting.words import Happening, Occasion, occasion
from doorward.model.device import Device
from doorward.model.estate import User
from doorward.model.identity import Session, Standing, groups_of
from doorward.model.ids import UserId
from doorward.protocol.openid.claims import Claims, user_claims
from doorward.protocol.signals.events import (
    AccountDisabled,
    AccountEnabled,
    AssuranceLevelChange,
    ComplianceStatus,
    CredentialChange,
    CredentialChangeType,
    DeviceComplianceChange,
    Event,
    RiskLevel,
    RiskLevelChange,
    SessionRevoked,
    TokenClaimsChange,
)

_CLAIM_SCOPES = ("profile", "email", "groups")
_HIGH_RISK = 70
_MEDIUM_RISK = 30


@dataclass(frozen=True, slots=True)
class Happened:
    """An event and what it is about. `session` and `device` are ids, empty for none."""

    event: Event
    user: UserId
    session: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """The people and standings of this transaction, by id, before and after it."""

    users_before: dict[str, User]
    users: dict[str, User]
    standings_before: dict[str, Standing]
    standings: dict[str, Standing]


def events_of(
    documents: Sequence[DocumentDifference],
    credentials: Sequence[CredentialDifference],
    people: People,
    cause: Cause,
) -> list[Happened]:
    """What receivers are told, in order. `people` has whoever a difference is about."""
    found: list[Happened] = []
    claimed: set[UserId] = set()
    for item in documents:
        some = item.before if item.after is None else item.after
        # The standing of somebody who is gone says nothing: that they are gone is told.
        if not isinstance(some, Standing) or some.id in people.users:
            found += _of_document(item.before, item.after, cause)
        if isinstance(some, User | Standing) and some.id not in claimed:
            claimed.add(UserId(some.id))
            found += _claims_changed(UserId(some.id), people, cause)
    for changed in credentials:
        found += _credential_changed(changed, cause)
    return found


def risk_level(risk: int) -> RiskLevel:
    """The level of a risk of 0 to 100."""
    if risk >= _HIGH_RISK:
        return "HIGH"
    return "MEDIUM" if risk >= _MEDIUM_RISK else "LOW"


def compliance(device: Device | None) -> ComplianceStatus:
    """Unknown never counts as compliant, nor does a device that is suspended or gone."""
    fine = device is not None and device.healthy is True and not device.suspended
    return "compliant" if fine else "not-compliant"


def _of_document(before: Told | None, after: Told | None, cause: Cause) -> Iterator[Happened]:
    match before, after:
        case Session(), None:
            yield from _session_ended(before, cause)
        case Session(), Session():
            yield from _session_changed(before, after, cause)
        case ((Standing() | None), (Standing() | None)):
            yield from _standing_changed(before, after, cause)
        case User(), None:
            said = occasion("account-removed", before.id, cause)
            yield Happened(_told(AccountDisabled(), said), before.id)
        case ((Device() | None), (Device() | None)):
            yield from _device_changed(before, after, cause)


def _session_ended(session: Session, cause: Cause) -> Iterator[Happened]:
    # One that ran out ended as everybody knew it would: it was not revoked.
    if session.expires_at > cause.at:
        said = occasion("session-ended", session.user, cause)
        yield _of_session(_told(SessionRevoked(), said), session)


def _session_changed(before: Session, after: Session, cause: Cause) -> Iterator[Happened]:
    if before.aal != after.aal:
        proved = before.authenticated_at != after.authenticated_at
        what: Happening = "session-assurance" if proved else "session-reassessed"
        said = occasion(what, after.user, cause)
        level = AssuranceLevelChange(
            namespace="NIST-AAL",
            current_level=f"nist-aal{after.aal}",
            previous_level=f"nist-aal{before.aal}",
            change_direction=_direction(before.aal, after.aal),
        )
        yield _of_session(_told(level, said), after)
    if risk_level(before.risk) != risk_level(after.risk):
        said = occasion("session-risk", after.user, cause)
        yield _of_session(_risk("SESSION", before.risk, after.risk, said), after)


def _standing_changed(
    before: Standing | None, after: Standing | None, cause: Cause
) -> Iterator[Happened]:
    some = before if after is None else after
    if some is None:
        return
    user = UserId(some.id)
    old, new = before or Standing(id=user), after or Standing(id=user)
    if old.disabled != new.disabled:
        if new.disabled:
            said = occasion("account-disabled", user, cause)
            yield Happened(_told(AccountDisabled(), said), user)
        else:
            said = occasion("account-enabled", user, cause)
            yield Happened(_told(AccountEnabled(), said), user)
    if old.ial != new.ial:
        said = occasion("identity-assurance", user, cause)
        level = AssuranceLevelChange(
            namespace="NIST-IAL",
            current_level=f"nist-ial{new.ial}",
            previous_level=f"nist-ial{old.ial}",
            change_direction=_direction(old.ial, new.ial),
        )
        yield Happened(_told(level, said), user)
    if risk_level(old.risk) != risk_level(new.risk):
        yield Happened(_risk("USER", old.risk, new.risk, occasion("user-risk", user, cause)), user)


def _device_changed(
    before: Device | None, after: Device | None, cause: Cause
) -> Iterator[Happened]:
    some = before if after is None else after
    if some is None:
        return
    owner, device = some.owner, some.id
    if before is not None and compliance(before) != compliance(after):
        now = compliance(after)
        said = occasion("device-compliant" if now == "compliant" else "device-ill", owner, cause)
        changed = DeviceComplianceChange(previous_status=compliance(before), current_status=now)
        yield Happened(_told(changed, said), owner, device=device)
    old, new = (0 if item is None else item.risk for item in (before, after))
    if before is not None and after is not None and risk_level(old) != risk_level(new):
        said = occasion("device-risk", owner, cause)
        yield Happened(_risk("DEVICE", old, new, said), owner, device=device)
    keys = tuple(None if item is None else item.key for item in (before, after))
    if keys[0] != keys[1]:
        said = occasion("credential", owner, cause)
        enrolled = CredentialChange(
            credential_type="x509",
            change_type=_change_type(*keys),
            friendly_name=some.name or UNSET,
        )
        yield Happened(_told(enrolled, said), owner, device=device)


def _claims_changed(user: UserId, people: People, cause: Cause) -> Iterator[Happened]:
    """The claims of an ID token that have new values. Who is new, or gone, has none."""
    before, after = people.users_before.get(user), people.users.get(user)
    if before is None or after is None:
        return
    old = _claims(before, people.standings_before.get(user))
    new = _claims(after, people.standings.get(user))
    changed = {name: new.get(name) for name in (old | new) if old.get(name) != new.get(name)}
    if changed:
        said = occasion("claims", user, cause)
        yield Happened(_told(TokenClaimsChange(claims=changed), said), user)


def _claims(user: User, standing: Standing | None) -> Claims:
    return user_claims(user, sorted(groups_of(user, standing)), _CLAIM_SCOPES)


def _credential_changed(item: CredentialDifference, cause: Cause) -> Iterator[Happened]:
    before, after = item.before, item.after
    some = before if after is None else after
    if some is None or (before is not None and after is not None and _same(before, after)):
        return
    said = occasion("credential", item.user, cause)
    passkey = some if isinstance(some, Passkey) else None
    changed = CredentialChange(
        credential_type=_credential_type(some),
        change_type=_change_type(before, after),
        friendly_name=UNSET if passkey is None else passkey.name or UNSET,
        fido2_aaguid=UNSET if passkey is None else passkey.aaguid or UNSET,
    )
    yield Happened(_told(changed, said), item.user)


def _same(before: Credential | RecoveryCodes, after: Credential | RecoveryCodes) -> bool:
    """Whether only what is counted of its use, or its name, is new."""
    match before, after:
        case Passkey(), Passkey():
            return before.public_key == after.public_key
        case Password(), Password():
            return before.hash == after.hash
        case Totp(), Totp():
            return before.sealed_secret == after.sealed_secret
    return False


def _credential_type(credential: Credential | RecoveryCodes) -> str:
    match credential:
        case Passkey():
            return "fido2-platform" if "internal" in credential.transports else "fido2-roaming"
        case Password():
            return "password"
        case Totp():
            return "app"
        case RecoveryCodes():
            return "recovery-code"


def _change_type(before: object | None, after: object | None) -> CredentialChangeType:
    if before is None:
        return "create"
    return "delete" if after is None else "update"


def _risk(principal: str, before: int, after: int, said: Occasion) -> Event:
    changed = RiskLevelChange(
        principal=principal, current_level=risk_level(after), previous_level=risk_level(before)
    )
    return _told(changed, said)


def _of_session(event: Event, session: Session) -> Happened:
    return Happened(event, session.user, session.id, session.device)


def _direction(before: int, after: int) -> Literal["increase", "decrease"]:
    return "increase" if after > before else "decrease"


def _told(event: Event, said: Occasion) -> Event:
    """The event with when, by whom and why."""
    return msgspec.structs.replace(
        event,
        event_timestamp=said.at,
        initiating_entity=said.initiator,
        reason_admin={"en": said.admin},
        reason_user={"en": said.person},
    )
