"""Keys as files outside the store: how they are made, written and read.

Secret files are mode 0600 from the moment they exist and are never overwritten.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from doorward.errors import DoorwardError

SYMMETRIC_KEY_BYTES = 32


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600. Raises `file-exists` rather than replace one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise DoorwardError(
            "file-exists", f"{path} is already there.", "Choose another folder, or move it away."
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_secret(path: Path, content: bytes) -> None:
    """Replace a file of mode 0600 in one step, so that readers see the old or the new whole."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_secret(fresh, content)
    fresh.replace(path)


def make_folder(path: Path) -> None:
    """A folder of mode 0700, whatever the umask; one that exists gets the mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def read_secret(path: Path) -> bytes:
    """The content of a key file. Raises `key-missing`, or `key-exposed` if others may read it."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise DoorwardError(
                    "key-exposed", f"{path} can be read by others.", f"Run: chmod 600 {path}"
                )
            return file.read()
    except FileNotFoundError:
        raise DoorwardError(
            "key-missing",
            f"{path} is not there.",
            "Restore it from a backup, or run doorward init.",
        ) from None


def new_symmetric_key() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(SYMMETRIC_KEY_BYTES)


def new_signing_key() -> tuple[bytes, bytes]:
    """An Ed25519 key (RFC 8032): private and public, both PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signing_key(pem: bytes) -> Ed25519PrivateKey:
    """The Ed25519 private key in `pem`. Raises `key-malformed`."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise DoorwardError("key-malformed", "A signing key is not Ed25519.")
    return key


def verifying_key(pem: bytes) -> Ed25519PublicKey:
    """The Ed25519 public key in `pem`. Raises `key-malformed`."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise DoorwardError("key-malformed", "A verification key is not Ed25519.")
    return key
