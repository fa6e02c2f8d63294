"""Whom and what a signal is about (RFC 9493; SSF 1.0, 3), as far as its transmitter may speak."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.people import people_of
from doorward.administrator.ports import Transaction
from doorward.administrator.receiver.refusals import SetRefusedError
from doorward.administrator.receiver.set_claims import SecurityEvent
from doorward.model.device import Device
from doorward.model.estate import IdentityProvider, User
from doorward.model.identity import Session
from doorward.model.ids import DeviceId
from doorward.model.snapshot import Snapshot
from doorward.model.transmitter import Transmitter
from doorward.protocol.signals.events import DeviceComplianceChange, RiskLevelChange, SessionRevoked
from doorward.protocol.signals.subjects import (
    COMPLEX,
    FORMAT,
    AliasSubject,
    EmailSubject,
    IssuerSubject,
    OpaqueSubject,
    SimpleSubject,
)

UNDERSTOOD = ("user", "device", "session")
"""The members of a complex subject that are understood; others stand for any (SSF 1.0, 3.3)."""

_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]{1,64}@([A-Za-z0-9.-]{1,189})")
_FORMATS = frozenset(
    {
        *("account", "email", "iss_sub", "opaque", "phone_number", "did", "uri", "aliases"),
        *("jwt_id", "saml_assertion_id", "ip-addresses"),
    }
)
_SHOWN_FORMAT = re.compile(r"[a-z_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who and what of doorward's own. `sessions` is None where no session is named.

    `names` is what sessions were named by, whether they are here or not.
    """

    user: User | None = None
    device: Device | None = None
    sessions: tuple[Session, ...] | None = None
    names: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """For the log: ids of doorward's own."""
        named = [f"user:{self.user.id}"] if self.user else []
        named += [f"device:{self.device.id}"] if self.device else []
        named += [f"session:{session.id}" for session in self.sessions or ()]
        return " ".join(named) or "session that is not here"


def shown_unknown(sub_id: Mapping[str, object]) -> str:
    """For the log: by which format somebody who is not known was named, and nothing of them."""
    name = str(sub_id.get(FORMAT, ""))
    return f"unknown {name}" if _SHOWN_FORMAT.fullmatch(name) else "unknown"


def unprocessed(event: SecurityEvent, critical: Collection[str]) -> frozenset[str]:
    """The critical members of the subject that cannot be processed here (SSF 1.0, 3.6).

    Raises SetRefusedError where a member is malformed.
    """
    if event.subject[FORMAT] != COMPLEX:
        return frozenset()
    members = members_of(event)
    return frozenset(
        name for name in event.subject if name in critical and members.get(name) is None
    )


def members_of(event: SecurityEvent) -> dict[str, SimpleSubject | None]:
    """The subject's members by what they name; None for a format that is not known here.

    A simple subject names a person, or what the event is about by its own nature.
    Raises SetRefusedError where it is malformed.
    """
    sub_id = event.subject
    if sub_id[FORMAT] != COMPLEX:
        return {_nature(event, sub_id): _simple(sub_id)}
    found = {name: _simple(sub_id[name]) for name in UNDERSTOOD if name in sub_id}
    if len(sub_id) == 1:
        raise SetRefusedError("invalid_request", "sub-id-malformed")
    return found


def _nature(event: SecurityEvent, sub_id: Mapping[str, object]) -> str:
    about: object = event.event
    if isinstance(about, DeviceComplianceChange):
        return "device"
    if isinstance(about, RiskLevelChange) and about.principal.lower() in UNDERSTOOD:
        return about.principal.lower()
    return "session" if isinstance(about, SessionRevoked) and sub_id[FORMAT] == "opaque" else "user"


def _simple(value: object) -> SimpleSubject | None:
    if not isinstance(value, dict) or not isinstance(value.get(FORMAT), str):
        raise SetRefusedError("invalid_request", "sub-id-malformed")
    if value[FORMAT] not in _FORMATS:
        return None
    try:
        found: SimpleSubject = msgspec.convert(value, type=SimpleSubject)
    except msgspec.ValidationError as error:
        raise SetRefusedError("invalid_request", "sub-id-malformed") from error
    return found


async def resolve(
    transaction: Transaction, snapshot: Snapshot, transmitter: Transmitter, event: SecurityEvent
) -> Subject | None:
    """Whom the event is about; None for nobody here, or nobody it may speak of.

    All members must fit together: the person's own device, the person's own sessions. Where a
    session is named, the device that it began on over there need not be known here.
    """
    members = members_of(event)
    provider = snapshot.providers.get(transmitter.provider)
    user: User | None = None
    subjects: tuple[str, ...] = ()
    if "user" in members:
        found = await _people(transaction, snapshot, transmitter, provider, members["user"])
        if len(found) != 1:
            return None
        ((user, subjects),) = found.values()
    device: Device | None = None
    if "device" in members:
        device = _device(snapshot, transmitter, members["device"])
        if device is None and "session" not in members:
            return None
        if device is not None and user is not None and device.owner != user.id:
            return None
    if "session" not in members:
        known = user is not None or device is not None
        return Subject(user, device, subjects=subjects) if known else None
    names = _names(members["session"])
    if not names or (provider is None and user is None):
        return None
    sessions = [s for s in snapshot.sessions.values() if _is_named(s, names, provider, user)]
    return Subject(user, device, tuple(sessions), names, subjects)


async def _people(
    transaction: Transaction,
    snapshot: Snapshot,
    transmitter: Transmitter,
    provider: IdentityProvider | None,
    named: SimpleSubject | None,
) -> dict[str, tuple[User, tuple[str, ...]]]:
    """Everyone who is meant, by id, with the provider's subjects that named them."""
    found: dict[str, tuple[User, tuple[str, ...]]] = {}
    identifiers = named.identifiers if isinstance(named, AliasSubject) else (named,)
    for identifier in identifiers:
        if isinstance(identifier, EmailSubject):
            for person in _with_address(snapshot, transmitter, identifier.email):
                found.setdefault(person.id, (person, ()))
        elif isinstance(identifier, IssuerSubject):
            if provider is None or identifier.iss != provider.issuer:
                continue
            link = await transaction.federation.identity(provider.id, identifier.sub)
            owner = snapshot.users.get(link.user) if link else None
            if link and owner and link.issuer == provider.issuer:
                found[owner.id] = (owner, (identifier.sub,))
    return found


def _with_address(snapshot: Snapshot, transmitter: Transmitter, address: str) -> list[User]:
    """As `federation.email_match`: ASCII without case, within the domains, exactly one person."""
    match = _ADDRESS.fullmatch(address)
    if match is None or match[1].lower() not in transmitter.domains:
        return []
    # A folded address that looks like another, such as one with a Kelvin sign, is not that one.
    people = [snapshot.users[name] for name in people_of(snapshot).with_address(address)]
    found = [p for p in people if p.email.isascii() and p.email.lower() == address.lower()]
    return found if len(found) == 1 else []


def _device(
    snapshot: Snapshot, transmitter: Transmitter, named: SimpleSubject | None
) -> Device | None:
    """By doorward's own id for it, bare or as a subject of the transmitter."""
    match named:
        case OpaqueSubject():
            return snapshot.devices.get(DeviceId(named.id))
        case IssuerSubject() if named.iss == transmitter.issuer:
            return snapshot.devices.get(DeviceId(named.sub))
    return None


def _names(named: SimpleSubject | None) -> tuple[str, ...]:
    match named:
        case OpaqueSubject():
            return (named.id,)
        case IssuerSubject():
            return (named.sub,)
        case AliasSubject():
            return tuple(name for one in named.identifiers for name in _names(one))
    return ()


def _is_named(
    session: Session, names: tuple[str, ...], provider: IdentityProvider | None, user: User | None
) -> bool:
    """By the provider's `sid`; by doorward's own id only where its person is named too."""
    if user is not None and session.user != user.id:
        return False
    vouched = provider is not None and session.provider == provider.id
    if vouched and session.provider_session in {digest(name) for name in names}:
        return True
    if user is None:
        return False
    # A sign-in whose `sid` was never told may be the one that is meant.
    return session.id in names or (vouched and not session.provider_session)
