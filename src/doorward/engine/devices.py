"""Which device a certificate vouches for, and which sessions may be used from it."""

from __future__ import annotations

from doorward.model.device import ClientCertificate, Device
from doorward.model.identity import Session
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Snapshot
from doorward.model.spiffe import device_named_by


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
    named = device_named_by(certificate.uri)
    if named is None:  # 2
        return None
    device = snapshot.devices.get(named.device)
    if device is None or device.key != named.key:  # 3
        return None
    if device.suspended or device.owner != owner:  # 4, 5
        return None
    return device


def usable_on(session: Session, device: Device | None) -> bool:
    """Whether the session may be used by whoever showed `device`: a bound one on its own only."""
    return not session.device or (device is not None and device.id == session.device)


def name_in_log(certificate: ClientCertificate | None) -> str:
    """The device that a certificate names, as the decision log writes it; empty for none."""
    named = None if certificate is None else device_named_by(certificate.uri)
    return "" if named is None else named.device
