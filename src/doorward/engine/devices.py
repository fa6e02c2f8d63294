"""What a certificate vouches for: a device, or a service on one; and what may be used from it."""

from __future__ import annotations

from typing import NamedTuple

from doorward.model.device import ClientCertificate, Device
from doorward.model.estate import Service
from doorward.model.identity import Session
from doorward.model.ids import ServiceId, UnixSeconds, UserId
from doorward.model.snapshot import Snapshot
from doorward.model.spiffe import DeviceName, device_named_by, host_named_by, service_named_by


def device_shown(
    certificate: ClientCertificate | None, owner: UserId, snapshot: Snapshot, now: UnixSeconds
) -> Device | None:
    """The device of `owner` that showed `certificate`; None where the certificate proves none.

    1. There is a certificate, and it has not ended.
    2. It names a device, in the one canonical form.
    3. The device is enrolled, with the key that the certificate names: an older enrolment of the
       same device counts no more.
    4. It is not suspended.
    5. It is the owner's own.
    """
    if certificate is None or not now < certificate.ends_at:  # 1
        return None
    device = _counting(device_named_by(certificate.uri), snapshot)  # 2, 3, 4
    return None if device is None or device.owner != owner else device  # 5


def usable_on(session: Session, device: Device | None) -> bool:
    """Whether the session may be used by whoever showed `device`: a bound one on its own only."""
    return not session.device or (device is not None and device.id == session.device)


class Workload(NamedTuple):
    """A service at work on one of its hosts."""

    service: Service
    host: Device


def service_claimed(certificate: ClientCertificate | None) -> ServiceId | None:
    """The service that a certificate is a credential of, if any; it may have lost its worth."""
    return None if certificate is None else service_named_by(certificate.uri)


def workload_shown(
    certificate: ClientCertificate | None, snapshot: Snapshot, now: UnixSeconds
) -> Workload | None:
    """The service that showed `certificate`; None where the certificate proves none.

    1. There is a certificate, and it has not ended.
    2. It names a service of the estate, and its subject the device that it was issued to.
    3. That device is enrolled, with the key that the subject names, and not suspended.
    4. The estate says, now, that the service runs on it.
    """
    claimed = service_claimed(certificate)
    if certificate is None or not now < certificate.ends_at or claimed is None:  # 1
        return None
    service = snapshot.services.get(claimed)
    host = _counting(host_named_by(certificate.subject), snapshot)  # 2, 3
    if service is None or host is None or host.id not in service.hosts:  # 2, 4
        return None
    return Workload(service, host)


def name_in_log(certificate: ClientCertificate | None) -> str:
    """The device that a certificate names, as the decision log writes it; empty for none."""
    if certificate is None:
        return ""
    named = device_named_by(certificate.uri) or host_named_by(certificate.subject)
    return "" if named is None else named.device


def _counting(named: DeviceName | None, snapshot: Snapshot) -> Device | None:
    """The device, where that very enrolment of it still counts."""
    device = None if named is None else snapshot.devices.get(named.device)
    if named is None or device is None or device.key != named.key or device.suspended:
        return None
    return device
