"""Certificates for an enrolled device, and for services that run on it: short, for new keys.

Nothing of a request counts but the key that signed it. What the certificate names follows from
who signed the message: the device, by its enrolled key.
"""

from __future__ import annotations

from doorward.administrator.devices.accept import (
    Accepted,
    SignedMessage,
    accept,
    hear_others,
)
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.fleet.ports import IssuedCertificate
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, ServiceId, UnixSeconds
from doorward.model.spiffe import (
    DeviceName,
    SpiffeId,
    device_spiffe_id,
    is_service_segment,
    service_spiffe_id,
)
from doorward.protocol.agent import CertificateRequest, Issued, WorkloadRequest

_HALF = 0.5


async def issue_certificate(
    fleet: Fleet,
    device: DeviceId,
    message: SignedMessage,
    request: CertificateRequest,
    now: UnixSeconds,
) -> Issued:
    """A certificate by which the gateway knows the device.

    Raises what `accept` raises, and DoorwardError `csr-malformed`.
    """
    accepted = await _accept(fleet, device, message, request, now)
    name = device_spiffe_id(fleet.trust_domain, device, accepted.device.key)
    return await _issued(fleet, accepted, request.csr, name, now)


async def issue_workload(
    fleet: Fleet,
    device: DeviceId,
    message: SignedMessage,
    request: WorkloadRequest,
    now: UnixSeconds,
) -> Issued:
    """A certificate of a service (X.509-SVID), for programs on its host.

    Raises as `issue_certificate` does, and `workload-not-here` where the estate does not say that
    the service runs on the device.
    """
    accepted = await _accept(fleet, device, message, request, now)
    service = fleet.control.live.current.services.get(request.service)
    if (
        service is None
        or device not in service.hosts
        or not is_service_segment(service.id)  # an estate that was checked before there were hosts
    ):
        await _note(fleet, device, "workload-refused", now, service=request.service[:128])
        raise DoorwardError(
            "workload-not-here",
            "The estate does not say that this service runs on this device.",
            "Add the device to the service's `hosts`, and doorward apply.",
        )
    name = service_spiffe_id(fleet.trust_domain, ServiceId(service.id))
    return await _issued(fleet, accepted, request.csr, name, now, host=accepted.device)


async def _accept(
    fleet: Fleet,
    device: DeviceId,
    message: SignedMessage,
    request: CertificateRequest | WorkloadRequest,
    now: UnixSeconds,
) -> Accepted:
    """Certificates are few: what other control processes heard of the device counts as well."""
    await hear_others(fleet, device, message, now)
    return await accept(
        fleet, device, message, counter=request.counter, nonce=request.nonce, now=now
    )


async def _issued(
    fleet: Fleet,
    accepted: Accepted,
    csr: bytes,
    name: SpiffeId,
    now: UnixSeconds,
    *,
    host: Device | None = None,
) -> Issued:
    seconds = fleet.certificate_seconds
    named = None if host is None else DeviceName(host.id, host.key)
    try:
        issued: IssuedCertificate = fleet.authority.issue(csr, name, now, seconds, host=named)
    except DoorwardError as error:
        await _note(fleet, accepted.device.id, "certificate-refused", now, why=error.code)
        raise
    return Issued(
        certificate=issued.certificate,
        authority=issued.authority,
        ends_at=issued.ends_at,
        renew_at=now + (issued.ends_at - now) * _HALF,
        nonce=accepted.nonce,
    )


async def _note(fleet: Fleet, device: DeviceId, act: str, now: UnixSeconds, **detail: str) -> None:
    """An entry in the audit log, unless there were many about this device just now."""
    if not await fleet.throttle.allow(f"audit-address:device:{device}", "audit:all"):
        return
    async with fleet.control.store.transaction() as transaction:
        await transaction.audit.append(
            at=now, actor=f"device:{device}", act=act, target=f"device:{device}", detail=detail
        )
