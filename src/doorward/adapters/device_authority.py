"""Issues client certificates of devices with the device CA."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.adapters import ca
from doorward.model.ids import DeviceId, UnixSeconds


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """The certificate's hex SHA-256, and key and certificate as PKCS #12."""

    thumbprint: str
    pkcs12: bytes


class LocalDeviceAuthority:
    """Port `DeviceAuthority` with a CA whose key is at hand."""

    def __init__(self, authority: ca.KeyPair) -> None:
        self._authority = authority

    def issue(self, device: DeviceId, password: str, at: UnixSeconds) -> IssuedCertificate:
        pair = ca.issue_device(self._authority, device, at)
        return IssuedCertificate(pair.thumbprint, ca.pkcs12_file(pair, device, password))
