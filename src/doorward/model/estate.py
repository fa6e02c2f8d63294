"""The estate: what people declare in files and `doorward apply` publishes."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from doorward.model.ids import (
    AuthenticatorId,
    ClientId,
    DeviceId,
    GroupId,
    LabelId,
    NetworkId,
    PolicyId,
    ProviderId,
    ResourceId,
    RoleId,
    ServiceId,
    UserId,
)

Action = Literal["read", "write"]
UpstreamProtocol = Literal["http1", "http2"]
SigningAlgorithm = Literal["RS256", "ES256"]
Scope = Literal["profile", "email", "groups", "offline_access"]
"""What a client may ask to know or do, beside who the person is (`openid`)."""
CONTROL_UPSTREAM: Final = "control"
SCIM_UPSTREAM: Final = "scim"
SIGNALS_UPSTREAM: Final = "signals"
EXTERNAL_UPSTREAM: Final = "external"
"""The upstream of a resource that stands elsewhere: Envoy knows nothing of it."""
OWN_UPSTREAMS = frozenset({CONTROL_UPSTREAM, SCIM_UPSTREAM, SIGNALS_UPSTREAM})
"""Upstreams that are doorward itself: console and API, SCIM server, Shared Signals transmitter."""

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
    """A machine or script that acts under its own name, by a service token or a certificate.

    `owner` is the person who answers for it, empty for nobody. `hosts` are the enrolled devices
    that it runs on: they get certificates for it. `client` is the application that it is by OpenID
    Connect, empty for none: it is told of sessions by the `sid` that this client knows.
    """

    id: ServiceId
    name: str
    groups: tuple[GroupId, ...] = ()
    owner: UserId | Literal[""] = ""
    client: ClientId | Literal[""] = ""
    hosts: tuple[DeviceId, ...] = ()


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
    """Something that people and services are let in to, behind the gateway or not.

    `host` is one DNS label below the domain. `upstream` is `http://address:port`,
    `https://address:port`, `control` for doorward's own console, `scim` for its directory,
    `signals` for its transmitter of Shared Signals, or `external` for what stands elsewhere and
    asks doorward by OpenID Connect; then `host` is empty.
    Without a matching rule GET, HEAD and OPTIONS are `read` and everything else is `write`.
    `streams` has every answer end when it is no longer allowed, also those that do not look as if
    they could last; each request is decided then, and none reuses a ticket.
    """

    id: ResourceId
    name: str
    host: str = ""
    upstream: str
    label: LabelId
    owner: UserId
    protocol: UpstreamProtocol = "http1"
    timezone: str = "UTC"
    description: str = ""
    rules: tuple[ActionRule, ...] = ()
    streams: bool = False


class Client(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application that signs people in by OpenID Connect; `id` is its `client_id`.

    Whoever may `read` its `resource` may sign in. A `public` client (RFC 6749, 2.1) has no secret;
    `scopes` are those it may be granted beside `openid`. `home` is where people open it. Addresses
    are compared as they stand here, but for the port of a public client's loopback address
    (RFC 8252, 7.3).
    """

    id: ClientId
    name: str
    resource: ResourceId
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    home: str = ""
    public: bool = False
    id_token_alg: SigningAlgorithm = "RS256"  # noqa: S105 - an algorithm
    scopes: tuple[Scope, ...] = ("profile", "email")


class ProviderGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of a provider's groups claim, and the group that it puts a person into."""

    value: str
    group: GroupId


class AssuranceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a value of a provider's `acr` or `amr` claim is worth: an AAL (SP 800-63B), 1 to 3."""

    value: str
    aal: int
    phishing_resistant: bool = False


class IdentityProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect provider whose word about people is believed.

    `match` says whom an unknown subject can be: nobody until a person links it (`link`), or
    whoever has the verified address, within `domains` (`email`). `require_fresh` asks for an
    authentication there at every sign-in here. The client's secret is not part of the estate.
    """

    id: ProviderId
    name: str
    issuer: str
    client_id: str
    match: Literal["link", "email"] = "link"
    domains: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid", "email")
    groups_claim: str = ""
    groups: tuple[ProviderGroup, ...] = ()
    acr: tuple[AssuranceRow, ...] = ()
    amr: tuple[AssuranceRow, ...] = ()
    require_fresh: bool = False


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
