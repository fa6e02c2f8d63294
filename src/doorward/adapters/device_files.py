"""Issues keys and certificates of devices as PKCS #12 files."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.adapters import ca
from doorward.model.ids import DeviceId, UnixSeconds


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """The hex SHA-256 of the device's key, and key and certificate as PKCS #12."""

    key: str
    pkcs12: bytes


class DeviceFiles:
    """Makes such files with a CA whose key is at hand."""

    def __init__(self, authority: ca.KeyPair, trust_domain: str) -> None:
        self._authority = authority
        self._trust_domain = trust_domain

    def issue(self, device: DeviceId, password: str, at: UnixSeconds) -> DeviceFile:
        key, pair = ca.issue_device(self._authority, self._trust_domain, device, at)
        return DeviceFile(key, ca.pkcs12_file(pair, device, password))
