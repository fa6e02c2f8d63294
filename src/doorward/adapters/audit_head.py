"""The signed end of the audit log, in a file beside the keys."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.administrator.ports import AuditHead
from doorward.errors import DoorwardError

_DOMAIN = b"doorward audit head v1\x00"


_Identity = tuple[int, int, int]
"""Inode, size and change time (ns) of a file: another one after any write to it."""


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    head: AuditHead
    signature: bytes


class SignedAuditHead:
    """Port `AuditHeads` in `path`, signed with the audit key (Ed25519).

    What was written here is remembered for as long as nobody else writes the file.
    """

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self._path = path
        self._key = key
        self._written: _Identity | None = None
        self._newest: AuditHead | None = None

    async def read(self) -> AuditHead | None:
        try:
            if self._written is not None and self._written == _identity(self._path):
                return self._newest
            content = await asyncio.to_thread(self._path.read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _invalid() from error
        try:
            signed = msgspec.json.decode(content, type=_Signed)
            self._key.public_key().verify(signed.signature, _message(signed.head))
        except (msgspec.DecodeError, InvalidSignature):
            raise _invalid() from None
        return signed.head

    async def record(self, head: AuditHead) -> None:
        content = msgspec.json.encode(_Signed(head, self._key.sign(_message(head))))
        try:
            self._written = await asyncio.to_thread(self._replace, content)
            self._newest = head
        except OSError as error:
            raise DoorwardError(
                "audit-head-unwritten",
                "The signed end of the audit log cannot be written.",
                "Free space, or make the control folder writable.",
            ) from error

    def _replace(self, content: bytes) -> _Identity:
        fresh = self._path.with_name(f".{self._path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        return _identity(self._path)


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_ctime_ns


def _message(head: AuditHead) -> bytes:
    return _DOMAIN + msgspec.json.encode(head)


def _invalid() -> DoorwardError:
    return DoorwardError(
        "audit-head-invalid",
        "The signed end of the audit log cannot be read, or its signature is wrong.",
        "Somebody may have tampered with it: compare with a backup of audit-head.json.",
    )
