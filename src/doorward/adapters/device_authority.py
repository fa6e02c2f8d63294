"""Issues client certificates of devices with the device CA."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.adapters import ca
from doorward.model.ids import DeviceId, UnixSeconds


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """The hex SHA-256 of the device's key, and key and certificate as PKCS #12."""

    key: str
    pkcs12: bytes


class LocalDeviceAuthority:
    """Port `DeviceAuthority` with a CA whose key is at hand."""

    def __init__(self, authority: ca.KeyPair, trust_domain: str) -> None:
        self._authority = authority
        self._trust_domain = trust_domain

    def issue(self, device: DeviceId, password: str, at: UnixSeconds) -> IssuedCertificate:
        key, pair = ca.issue_device(self._authority, self._trust_domain, device, at)
        return IssuedCertificate(key, ca.pkcs12_file(pair, device, password))
