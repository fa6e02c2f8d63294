"""An enrolled key in a file, for devices without a TPM (port `DeviceKey`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from doorward.agent.files import read_bytes, write_atomically
from doorward.errors import DoorwardError


class SoftwareKey:
    """A key in memory; `keep` writes it to a file that only its owner may read."""

    storage: Literal["software"] = "software"

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_der = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @classmethod
    def create(cls) -> Self:
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `agent-key-unusable`."""
        data = read_bytes(path)
        try:
            key = serialization.load_pem_private_key(data or b"", password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise DoorwardError(
                "agent-key-unusable",
                f"{path} holds no key of a device.",
                "Enrol the device again: doorward agent enrol --again.",
            )
        return cls(key)

    def keep(self, path: Path) -> None:
        """Write the key (PKCS #8, PEM)."""
        write_atomically(path, private_pem(self._key))

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key without a password, which the file's mode protects."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
