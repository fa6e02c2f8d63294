"""How commands reach a TPM: the kernel's device, or the Unix socket of a software TPM."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from doorward.errors import DoorwardError

DEVICE: Final = Path("/dev/tpmrm0")
"""The kernel's resource manager: whatever a connection leaves in the TPM goes when it closes."""

Exchange = Callable[[bytes], bytes]
"""Sends one command and returns the response."""

_HEADER_BYTES = 10
_MAX_RESPONSE_BYTES = 4096
_TIMEOUT_SECONDS = 120
_REMEDY = "Give the agent access to /dev/tpmrm0, or enrol with a key in software."


def present(path: Path = DEVICE) -> bool:
    """Whether there is a TPM that this process may use."""
    return os.access(path, os.R_OK | os.W_OK)


@contextmanager
def connected(path: Path) -> Iterator[Exchange]:
    """A connection to the TPM at `path`. Raises `tpm-missing`; in use `tpm-failed`."""
    try:
        if stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_TIMEOUT_SECONDS)
                connection.connect(str(path))
                yield lambda command: _by_socket(connection, command)
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                yield lambda command: _by_device(descriptor, command)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise DoorwardError("tpm-missing", f"No TPM answers at {path}.", _REMEDY) from error


def _by_device(descriptor: int, command: bytes) -> bytes:
    try:
        os.write(descriptor, command)
        return os.read(descriptor, _MAX_RESPONSE_BYTES)
    except OSError as error:
        raise _broken() from error


def _by_socket(connection: socket.socket, command: bytes) -> bytes:
    try:
        connection.sendall(command)
        header = _receive(connection, _HEADER_BYTES)
        size = int.from_bytes(header[2:6], "big")
        if not _HEADER_BYTES <= size <= _MAX_RESPONSE_BYTES:
            raise _broken()
        return header + _receive(connection, size - _HEADER_BYTES)
    except OSError as error:
        raise _broken() from error


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise _broken()
        received += piece
    return received


def _broken() -> DoorwardError:
    return DoorwardError("tpm-failed", "The TPM stopped answering.", "Try again.")
