"""Who is signed in, by what, from which device: facts that the control plane records."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.estate import User
from doorward.model.ids import (
    DeviceId,
    GroupId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UnixSeconds,
    UserId,
)

Authority = str
"""Who keeps a person disabled: `doorward` (those who run it), `scim` (the directory that provisions
them), or `transmitter:ID` (another system, by a signal)."""

Method = Literal[
    "passkey",
    "password",
    "totp",
    "recovery-code",
    "recovery-approval",
    "federated",
    "invitation",
]
"""By what a person proved who they are; `federated` is another provider's word."""


class Session(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sign-in of one person. `authenticated_at` moves forward at each step-up.

    It is 0, long ago, where another provider vouched and did not say when it saw the person.
    `aal` is the authenticator assurance level of the latest authentication (SP 800-63B), 1 to 3.
    Where another provider vouched, `provider` is its id, and `provider_subject` and
    `provider_session` are the hex SHA-256 of its `sub` and `sid`, to find the session by.
    `credential` names what the latest authentication rested on, to end the session with it:
    `passkey:` and the hex SHA-256 of the passkey's id, `password`, or nothing of doorward's own.
    `device` is the device that it was begun on; from then on it is good on no other. Empty for
    one that no certificate vouched for.
    """

    id: SessionId
    user: UserId
    started_at: UnixSeconds
    expires_at: UnixSeconds
    authenticated_at: UnixSeconds
    methods: tuple[Method, ...]
    phishing_resistant: bool
    multi_factor: bool
    address: str
    user_agent: str = ""
    risk: int = 0
    aal: int = 1
    provider: str = ""
    provider_subject: str = ""
    provider_session: str = ""
    credential: str = ""
    device: DeviceId | Literal[""] = ""


class ResourceCookie(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A resource's own cookie; `id` is the hex SHA-256 of the cookie's value."""

    id: str
    session: SessionId
    resource: ResourceId


class ServiceToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bearer credential of a service; `secret_hash` is the hex SHA-256 of its secret."""

    id: ServiceTokenId
    service: ServiceId
    secret_hash: str
    resources: tuple[ResourceId, ...]
    issued_at: UnixSeconds
    expires_at: UnixSeconds


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signals say of a person: outlives every `apply` of the estate. Risk is 0 to 100.

    `ial` is the identity assurance level that was proofed (SP 800-63A, 0 for unproofed), good
    until `ial_until`. `groups` are those that identity providers assert, beside the person's own.
    `left` says that the person was offboarded: then they are disabled too. `disabled_by` names who
    wants a disabled person disabled; empty for those who run doorward.
    """

    id: UserId
    disabled: bool = False
    risk: int = 0
    reason: str = ""
    ial: int = 0
    ial_until: UnixSeconds = 0.0
    groups: tuple[GroupId, ...] = ()
    left: bool = False
    disabled_by: tuple[Authority, ...] = ()


def standing_at(standing: Standing | None, now: UnixSeconds) -> Standing | None:
    """The standing as it counts at `now`: proofing that has run out is none."""
    if standing is None or not standing.ial or now < standing.ial_until:
        return standing
    return msgspec.structs.replace(standing, ial=0, ial_until=0.0)


def groups_of(user: User, standing: Standing | None) -> tuple[GroupId, ...]:
    """Every group that the person is in directly: their own, and those that providers assert."""
    if standing is None or not standing.groups:
        return user.groups
    return tuple(dict.fromkeys((*user.groups, *standing.groups)))
