"""Who is signed in, by what, from which device: facts that the control plane records."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.ids import (
    DeviceId,
    ResourceId,
    ServiceId,
    ServiceTokenId,
    SessionId,
    UnixSeconds,
    UserId,
)

Method = Literal["passkey", "password", "totp", "invitation"]


class Session(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sign-in of one person. `authenticated_at` moves forward at each step-up."""

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
    """What signals say of a person: outlives every `apply` of the estate. Risk is 0 to 100."""

    id: UserId
    disabled: bool = False
    risk: int = 0
    reason: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enrolled device, known by the hex SHA-256 of its certificate.

    `healthy` is None while unknown; unknown never satisfies a condition.
    """

    id: DeviceId
    owner: UserId
    thumbprint: str
    healthy: bool | None = None
    risk: int = 0
    reason: str = ""
