"""Reading and writing the structures of TPM 2.0: big-endian numbers and sized buffers."""

from __future__ import annotations

from typing import Final

from doorward.errors import DoorwardError

MAX_BUFFER: Final = 1024
"""No sized buffer that is read here is longer; an RSA-2048 key or signature has 256 bytes."""


class TpmDataError(DoorwardError):
    """Bytes that should be a TPM's structure are none, or of a kind that is not used here."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "tpm-data-malformed", detail, "Update the agent; a TPM itself never says this."
        )


class Reader:
    """Takes values off the front of `data`. Raises TpmDataError where there are too few bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise TpmDataError("A structure of the TPM ends too early.")
        taken, self._at = self._data[self._at : end], end
        return taken

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def sized(self, at_most: int = MAX_BUFFER) -> bytes:
        """A TPM2B: two bytes of length, then that many bytes."""
        size = self.number(2)
        if size > at_most:
            raise TpmDataError(f"A buffer of the TPM is longer than {at_most} bytes.")
        return self.take(size)

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Raises TpmDataError where something is left over."""
        if self._at != len(self._data):
            raise TpmDataError("A structure of the TPM is followed by more bytes.")


def number(value: int, size: int) -> bytes:
    """`value` in `size` bytes."""
    return value.to_bytes(size, "big")


def sized(data: bytes) -> bytes:
    """`data` as a TPM2B."""
    return number(len(data), 2) + data
