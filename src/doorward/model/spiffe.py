"""SPIFFE IDs: what the URI of a certificate says of its holder (SPIFFE-ID, 2).

Only the one canonical spelling of an id is read. A parser that accepted a second one would let
two certificates be compared as different that are the same, or the other way round.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from doorward.model.ids import DeviceId, ServiceId

MAX_TRUST_DOMAIN = 255
MAX_SPIFFE_ID = 2048

_SPIFFE_ID = re.compile(r"spiffe://([a-z0-9._-]+)((?:/[A-Za-z0-9._-]+)+)")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEY = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"serialNumber=([0-9a-f]{64}),OU=([A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_DEVICE = "device"
_DEVICE_SEGMENTS = 3
_SERVICE = "service"
_SERVICE_SEGMENTS = 2


class SpiffeId(NamedTuple):
    """A SPIFFE ID with a path: `spiffe://TRUST_DOMAIN/SEGMENT/…`."""

    trust_domain: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/{'/'.join(self.path)}"


class DeviceName(NamedTuple):
    """What a device's certificate names: the device, and the hex SHA-256 of its enrolled key.

    The key tells one enrolment of a device from the next.
    """

    device: DeviceId
    key: str


def parse_spiffe_id(text: str) -> SpiffeId | None:
    """The id in `text`, or None where that is not the canonical form of one with a path."""
    found = _SPIFFE_ID.fullmatch(text)
    if found is None or len(text) > MAX_SPIFFE_ID or len(found[1]) > MAX_TRUST_DOMAIN:
        return None
    path = tuple(found[2][1:].split("/"))
    if any(segment in {".", ".."} for segment in path):
        return None
    return SpiffeId(found[1], path)


def is_device_id(text: str) -> bool:
    """Whether `text` may name a device: it becomes a segment of a SPIFFE ID."""
    return _SEGMENT.fullmatch(text) is not None


def is_service_segment(text: str) -> bool:
    """Whether a service of this id can be named by a SPIFFE ID; not every id can."""
    return _SEGMENT.fullmatch(text) is not None


def device_spiffe_id(trust_domain: str, device: DeviceId, key: str) -> SpiffeId:
    """The id in the certificates of `device`, enrolled with `key` (hex SHA-256)."""
    return SpiffeId(trust_domain, (_DEVICE, device, key))


def device_named_by(text: str) -> DeviceName | None:
    """The device that a certificate's URI names, or None where it names something else."""
    spiffe_id = parse_spiffe_id(text)
    if spiffe_id is None or len(spiffe_id.path) != _DEVICE_SEGMENTS:
        return None
    kind, device, key = spiffe_id.path
    if kind != _DEVICE or not is_device_id(device) or _KEY.fullmatch(key) is None:
        return None
    return DeviceName(DeviceId(device), key)


def service_spiffe_id(trust_domain: str, service: ServiceId) -> SpiffeId:
    """The id in the certificates of `service`, the same on every host that it runs on."""
    return SpiffeId(trust_domain, (_SERVICE, service))


def service_named_by(text: str) -> ServiceId | None:
    """The service that a certificate's URI names, or None where it names something else."""
    spiffe_id = parse_spiffe_id(text)
    if spiffe_id is None or len(spiffe_id.path) != _SERVICE_SEGMENTS:
        return None
    kind, service = spiffe_id.path
    return ServiceId(service) if kind == _SERVICE and is_service_segment(service) else None


def host_named_by(subject: str) -> DeviceName | None:
    """The device that a service's certificate was issued to, by its subject (RFC 2253).

    The SPIFFE ID names the service alone, so that others who trust it need not know hosts.
    """
    found = _HOST.fullmatch(subject)
    return None if found is None else DeviceName(DeviceId(found[2]), found[1])
