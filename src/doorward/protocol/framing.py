"""Length-prefixed messages on a byte stream: 4 bytes big-endian, then that many bytes of JSON.

Errors are `link-malformed` (not a message of this protocol, or over the size bound): whoever
gets one closes the connection.
"""

from __future__ import annotations

import msgspec

from doorward.errors import DoorwardError
from doorward.protocol.link import MAX_MESSAGE_BYTES, FromControl, FromGateway

_HEADER_BYTES = 4

_encoder = msgspec.json.Encoder()
_from_gateway: msgspec.json.Decoder[FromGateway] = msgspec.json.Decoder(FromGateway)
_from_control: msgspec.json.Decoder[FromControl] = msgspec.json.Decoder(FromControl)


def encode(message: FromGateway | FromControl) -> bytes:
    """The bytes of `message` on the wire. Raises DoorwardError where it is over the bound."""
    body = _encoder.encode(message)
    if len(body) > MAX_MESSAGE_BYTES:
        raise DoorwardError(
            "link-malformed", f"A message of {len(body)} bytes is over the bound of the link."
        )
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


def decode_from_gateway(body: bytes) -> FromGateway:
    """The message in `body`. Raises DoorwardError."""
    try:
        return _from_gateway.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DoorwardError("link-malformed", "A gateway sent an unknown message.") from error


def decode_from_control(body: bytes) -> FromControl:
    """The message in `body`. Raises DoorwardError."""
    try:
        return _from_control.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DoorwardError("link-malformed", "Control sent an unknown message.") from error


class MessageSplitter:
    """Cuts a byte stream, fed in pieces of any size, into message bodies.

    Holds at most one message of `max_bytes`; a longer one is refused by its header alone.
    """

    def __init__(self, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that `data` completes, in order. Raises DoorwardError."""
        self._buffer += data
        bodies = []
        start = 0
        while len(self._buffer) - start >= _HEADER_BYTES:
            size = int.from_bytes(self._buffer[start : start + _HEADER_BYTES], "big")
            if size > self._max_bytes:
                raise DoorwardError(
                    "link-malformed", f"A message of {size} bytes is over the bound of the link."
                )
            end = start + _HEADER_BYTES + size
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[start + _HEADER_BYTES : end]))
            start = end
        del self._buffer[:start]
        return bodies

    @property
    def pending_bytes(self) -> int:
        """Bytes of the message that is not complete yet."""
        return len(self._buffer)
