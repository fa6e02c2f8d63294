"""Where WebSocket frames (RFC 6455, 5.2) end in a byte stream, so that one more can be added."""

from __future__ import annotations

_SHORT_HEADER = 2
_TWO_BYTE_LENGTH = 126
_EIGHT_BYTE_LENGTH = 127
_OPCODE = 0x0F
_FIRST_CONTROL_OPCODE = 0x08

CLOSE_POLICY_VIOLATION = b"\x88\x02" + (1008).to_bytes(2, "big")
"""A server's close frame with status 1008."""


class FrameBoundary:
    """Follows the frames of one direction without keeping them."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._remaining = 0
        self._message = False

    @property
    def between_frames(self) -> bool:
        """Whether the next byte would begin a frame."""
        return not self._header and not self._remaining

    def feed(self, data: bytes) -> bool:
        """Follow `data`. Whether any of it is of a message, not of a control frame (5.5).

        Browsers answer pings by themselves.
        """
        at = 0
        said = False
        while at < len(data):
            if self._remaining:
                step = min(self._remaining, len(data) - at)
                self._remaining -= step
                at += step
                said |= self._message
                continue
            self._header.append(data[at])
            at += 1
            said |= self._complete_header() and self._message
        return said

    def _complete_header(self) -> bool:
        header = self._header
        if len(header) < _SHORT_HEADER:
            return False
        length = header[1] & 0x7F
        extended = {_TWO_BYTE_LENGTH: 2, _EIGHT_BYTE_LENGTH: 8}.get(length, 0)
        masked = 4 if header[1] & 0x80 else 0
        if len(header) < _SHORT_HEADER + extended + masked:
            return False
        if extended:
            length = int.from_bytes(header[_SHORT_HEADER : _SHORT_HEADER + extended], "big")
        self._remaining = length
        self._message = header[0] & _OPCODE < _FIRST_CONTROL_OPCODE
        header.clear()
        return True
