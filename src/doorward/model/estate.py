"""The estate: what people declare in files and `doorward apply` publishes."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.ids import (
    AuthenticatorId,
    GroupId,
    LabelId,
    NetworkId,
    PolicyId,
    ResourceId,
    RoleId,
    ServiceId,
    UserId,
)

Action = Literal["read", "write"]
UpstreamProtocol = Literal["http1", "http2"]
Source = Literal["estate", "scim"]
"""Who declares a person or group: the estate's files, or a directory that provisions by SCIM."""
ANY_AUTHENTICATOR = "any"
"""The id that stands for every model of passkey device, attested or not."""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People or services that policies treat alike. `parents` are groups that contain this one."""

    id: GroupId
    name: str
    parents: tuple[GroupId, ...] = ()
    source: Source = "estate"


class Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named duty that a person holds."""

    id: RoleId
    name: str


class User(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person."""

    id: UserId
    name: str
    email: str
    groups: tuple[GroupId, ...] = ()
    roles: tuple[RoleId, ...] = ()
    source: Source = "estate"


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine or script that acts under its own name by a service token.

    `owner` is the person who answers for it, empty for nobody.
    """

    id: ServiceId
    name: str
    groups: tuple[GroupId, ...] = ()
    owner: UserId | Literal[""] = ""


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sensitivity of data, 0 (public) to 100."""

    id: LabelId
    name: str
    sensitivity: int


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named set of address ranges in CIDR form, IPv4 or IPv6."""

    id: NetworkId
    name: str
    ranges: tuple[str, ...]


class ActionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a resource's table from method and path to action; the first that matches wins.

    `path` is `/exact` or `/prefix/*` (which also matches `/prefix`), compared without regard to
    case; empty `methods` means every method.
    """

    path: str
    action: Action
    methods: tuple[str, ...] = ()


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something behind the gateway.

    `host` is one DNS label below the domain. `upstream` is `http://address:port`,
    `https://address:port`, or `control` for doorward's own console.
    Without a matching rule GET, HEAD and OPTIONS are `read` and everything else is `write`.
    """

    id: ResourceId
    name: str
    host: str
    upstream: str
    label: LabelId
    owner: UserId
    protocol: UpstreamProtocol = "http1"
    timezone: str = "UTC"
    description: str = ""
    rules: tuple[ActionRule, ...] = ()


class Authenticator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of passkey device that people may register; `id` is its AAGUID (WebAuthn 6.5.1).

    Where any is declared, only those are accepted, and only with an attestation that leads to a
    trusted root; `any` as id lets all others be registered too. `aal3` says that the model keeps
    its keys in hardware well enough for AAL 3 (SP 800-63B).
    """

    id: AuthenticatorId
    name: str
    aal3: bool = False


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Cedar policy, its `@id`, and where it was written."""

    id: PolicyId
    text: str
    file: str
    line: int
    description: str = ""
