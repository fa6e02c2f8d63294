"""Devices, and the certificates by which they are known."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.model.ids import ComplianceId, DeviceId, UnixSeconds, UserId

Platform = Literal["linux", "macos", "windows", "other"]

Suspension = Literal["", "cloned", "lost"]
"""Why a device counts as none, until it is enrolled again; empty for one that counts."""


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A client's certificate, signed by the device CA, as the enforcement point saw it.

    `thumbprint` is the hex SHA-256 of its DER, `uri` its only URI (a SPIFFE ID, or empty),
    `ends_at` its notAfter and `subject` its subject (RFC 2253).
    """

    thumbprint: str
    uri: str
    ends_at: UnixSeconds
    subject: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enrolled device, known by `key`, the hex SHA-256 of its enrolled key (SPKI, DER).

    `healthy` says whether it passes every enforced compliance policy that applies to it, and
    nobody who runs doorward calls it ill; it is None while unknown, and unknown never satisfies a
    condition. `complies` are the compliance policies that it passes, report-only ones too.
    `attested` says that a TPM of a trusted maker keeps the key and quoted the device's state.
    """

    id: DeviceId
    owner: UserId
    key: str
    name: str = ""
    platform: Platform = "other"
    healthy: bool | None = None
    complies: tuple[ComplianceId, ...] = ()
    attested: bool = False
    suspended: Suspension = ""
    risk: int = 0
    reason: str = ""
