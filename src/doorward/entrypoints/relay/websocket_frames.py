"""Where WebSocket frames (RFC 6455, 5.2) end in a byte stream, so that one more can be added."""

from __future__ import annotations

_SHORT_HEADER = 2
_TWO_BYTE_LENGTH = 126
_EIGHT_BYTE_LENGTH = 127

CLOSE_POLICY_VIOLATION = b"\x88\x02" + (1008).to_bytes(2, "big")
"""A server's close frame with status 1008."""


class FrameBoundary:
    """Follows the frames of one direction without keeping them."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._remaining = 0

    @property
    def between_frames(self) -> bool:
        """Whether the next byte would begin a frame."""
        return not self._header and not self._remaining

    def feed(self, data: bytes) -> None:
        """Follow `data`."""
        at = 0
        while at < len(data):
            if self._remaining:
                step = min(self._remaining, len(data) - at)
                self._remaining -= step
                at += step
                continue
            self._header.append(data[at])
            at += 1
            self._complete_header()

    def _complete_header(self) -> None:
        header = self._header
        if len(header) < _SHORT_HEADER:
            return
        length = header[1] & 0x7F
        extended = {_TWO_BYTE_LENGTH: 2, _EIGHT_BYTE_LENGTH: 8}.get(length, 0)
        masked = 4 if header[1] & 0x80 else 0
        if len(header) < _SHORT_HEADER + extended + masked:
            return
        if extended:
            length = int.from_bytes(header[_SHORT_HEADER : _SHORT_HEADER + extended], "big")
        self._remaining = length
        header.clear()
