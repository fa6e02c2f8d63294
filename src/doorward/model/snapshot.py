"""The snapshot: the immutable, numbered state that the engine decides from.

A snapshot is a set of documents of a few kinds. Every change of the state, be it a policy, a
session or a risk signal, is a list of `Change`s that takes one snapshot to the next number.
Applying a change copies only the maps of the kinds it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import msgspec

from doorward.model.compliance import Compliance
from doorward.model.device import Device
from doorward.model.estate import (
    Authenticator,
    Client,
    Group,
    IdentityProvider,
    Label,
    Network,
    Policy,
    Resource,
    Role,
    Service,
    User,
)
from doorward.model.identity import ResourceCookie, ServiceToken, Session, Standing
from doorward.model.transmitter import Transmitter

Kind = Literal[
    "group",
    "role",
    "user",
    "service",
    "label",
    "network",
    "resource",
    "client",
    "provider",
    "authenticator",
    "compliance",
    "transmitter",
    "policy",
    "session",
    "cookie",
    "service_token",
    "standing",
    "device",
]
Document = (
    Group
    | Role
    | User
    | Service
    | Label
    | Network
    | Resource
    | Client
    | IdentityProvider
    | Authenticator
    | Compliance
    | Transmitter
    | Policy
    | Session
    | ResourceCookie
    | ServiceToken
    | Standing
    | Device
)

KINDS: Mapping[Kind, type[Document]] = MappingProxyType(
    {
        "group": Group,
        "role": Role,
        "user": User,
        "service": Service,
        "label": Label,
        "network": Network,
        "resource": Resource,
        "client": Client,
        "provider": IdentityProvider,
        "authenticator": Authenticator,
        "compliance": Compliance,
        "transmitter": Transmitter,
        "policy": Policy,
        "session": Session,
        "cookie": ResourceCookie,
        "service_token": ServiceToken,
        "standing": Standing,
        "device": Device,
    }
)
ESTATE_KINDS: tuple[Kind, ...] = (
    "group",
    "role",
    "user",
    "service",
    "label",
    "network",
    "resource",
    "client",
    "provider",
    "authenticator",
    "compliance",
    "transmitter",
    "policy",
)
"""The kinds that estate files declare; the others are recorded by sign-in and signals."""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Document `id` of `kind` becomes `body` (its JSON), or is gone where `body` is unset."""

    kind: Kind
    id: str
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def change(kind: Kind, document: Document) -> Change:
    """The change that puts `document`."""
    return Change(kind, document.id, msgspec.Raw(msgspec.json.encode(document)))


def removal(kind: Kind, document_id: str) -> Change:
    """The change that removes a document."""
    return Change(kind, document_id)


_DECODERS = {kind: msgspec.json.Decoder(struct) for kind, struct in KINDS.items()}


def decode(kind: Kind, body: bytes | msgspec.Raw) -> Document:
    """The document in `body`. Raises msgspec.ValidationError where it is malformed."""
    return _DECODERS[kind].decode(body)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All documents at one number. The maps must not be changed."""

    number: int = 0
    groups: Mapping[str, Group] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    clients: Mapping[str, Client] = field(default_factory=dict)
    providers: Mapping[str, IdentityProvider] = field(default_factory=dict)
    authenticators: Mapping[str, Authenticator] = field(default_factory=dict)
    compliances: Mapping[str, Compliance] = field(default_factory=dict)
    transmitters: Mapping[str, Transmitter] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    sessions: Mapping[str, Session] = field(default_factory=dict)
    cookies: Mapping[str, ResourceCookie] = field(default_factory=dict)
    service_tokens: Mapping[str, ServiceToken] = field(default_factory=dict)
    standings: Mapping[str, Standing] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)

    def advance(self, number: int, changes: Iterable[Change]) -> Snapshot:
        """The snapshot at `number`, after `changes`. Raises msgspec.ValidationError."""
        touched: dict[str, dict[str, Document]] = {}
        for item in changes:
            field = FIELDS[item.kind]
            documents = touched.get(field)
            if documents is None:
                documents = touched[field] = dict(getattr(self, field))
            if item.body is msgspec.UNSET:
                documents.pop(item.id, None)
            else:
                documents[item.id] = decode(item.kind, item.body)
        return replace(self, number=number, **touched)  # type: ignore[arg-type]

    def changes(self) -> list[Change]:
        """The changes that build this snapshot from the empty one."""
        return [
            change(kind, document)
            for kind, field in FIELDS.items()
            for document in getattr(self, field).values()
        ]


FIELDS: Mapping[Kind, str] = MappingProxyType(
    {
        "group": "groups",
        "role": "roles",
        "user": "users",
        "service": "services",
        "label": "labels",
        "network": "networks",
        "resource": "resources",
        "client": "clients",
        "provider": "providers",
        "authenticator": "authenticators",
        "compliance": "compliances",
        "transmitter": "transmitters",
        "policy": "policies",
        "session": "sessions",
        "cookie": "cookies",
        "service_token": "service_tokens",
        "standing": "standings",
        "device": "devices",
    }
)
"""The attribute of `Snapshot` that holds each kind."""
