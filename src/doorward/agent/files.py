"""Files that are never half written: whoever reads one sees the former or the new content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doorward.errors import DoorwardError


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter. Raises `agent-state-unusable`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder) from error


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write `path` at once, and on the disk when this returns. Raises `agent-state-unusable`.

    Where root writes, the file belongs to who owns the folder.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                _hand_over(file.fileno(), path.parent, mode)
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise unusable(path) from error


def read_bytes(path: Path) -> bytes | None:
    """The content; None where there is no such file. Raises `agent-state-unusable`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(path) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that `path` stands for. Raises `agent-running` where somebody else does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(path) from error
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _hand_over(descriptor: int, folder: Path, mode: int) -> None:
    """By the open file: who owns the folder could put another one at its name meanwhile."""
    if os.name != "posix":
        return
    owner = folder.stat()
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    os.fchmod(descriptor, mode)


def _lock(descriptor: int) -> None:
    try:
        if os.name == "posix":
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        raise DoorwardError(
            "agent-running",
            "Another agent works with this state.",
            "Stop it first, or ask it: doorward agent status.",
        ) from error


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk once its folder is; Windows has no such thing."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable(path: Path) -> DoorwardError:
    """The error of a file that cannot be read or written."""
    return DoorwardError(
        "agent-state-unusable",
        f"{path} cannot be read or written.",
        "Run the agent as who owns it, and see that the disk is not full.",
    )
