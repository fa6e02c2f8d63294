"""Certificates of devices as Envoy tells of them, without any key."""

from __future__ import annotations

from doorward.model.device import ClientCertificate
from doorward.model.ids import DeviceId, ServiceId, UnixSeconds
from doorward.model.spiffe import device_spiffe_id, service_spiffe_id

LATER: UnixSeconds = 4_000_000_000.0
KEY = "ab" * 32
DOMAIN = "corp.test"


def key_of(device: str) -> str:
    """The SHA-256 of the key that a test's device was enrolled with."""
    return device.encode().hex().ljust(64, "a")[:64]


def certificate(
    device: str,
    key: str | None = None,
    *,
    thumbprint: str = "cd" * 32,
    ends_at: UnixSeconds = LATER,
) -> ClientCertificate:
    """A certificate of `device`."""
    uri = device_spiffe_id(DOMAIN, DeviceId(device), key or key_of(device))
    return ClientCertificate(thumbprint=thumbprint, uri=str(uri), ends_at=ends_at)


def workload_certificate(
    service: str, host: str, key: str | None = None, *, ends_at: UnixSeconds = LATER
) -> ClientCertificate:
    """A certificate of `service`, issued to device `host`."""
    return ClientCertificate(
        thumbprint="ce" * 32,
        uri=str(service_spiffe_id(DOMAIN, ServiceId(service))),
        ends_at=ends_at,
        subject=f"serialNumber={key or key_of(host)},OU={host}",
    )


def header_of(shown: ClientCertificate) -> str:
    """The header by which Envoy tells of a certificate."""
    return f"{shown.thumbprint} {shown.uri} {shown.ends_at:.0f} {shown.subject or '-'}"
