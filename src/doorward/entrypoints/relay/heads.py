"""The heads that the relay reads: Envoy's, and of an upgrade the answer too."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha1

from doorward.enforcement.envoy.check import STREAM_HEADER
from doorward.entrypoints.ext_authz.credentials import without_own_cookies

MAX_HEAD_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"

_TUNNEL = b"CONNECT "
_TUNNEL_LINE = re.compile(rb"CONNECT [\x21-\x7e]+ HTTP/1\.1")
_REQUEST_LINE = re.compile(rb"GET (/[\x21-\x7e]*) HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*")
_BODY_FIELDS = frozenset({b"transfer-encoding", b"content-length"})
_HOP_FIELDS = _BODY_FIELDS | {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"upgrade",
}
_KEY = b"sec-websocket-key"
_ACCEPT = b"sec-websocket-accept"
_ACCEPTED = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY_BYTES = 16
SWITCHING_PROTOCOLS = 101
TUNNEL_OPEN = b"HTTP/1.1 200 OK\r\n\r\n"


class MalformedHeadError(Exception):
    """The head is not one that the relay carries."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A connection of Envoy's to the upstream, for one request: the stream that it claims."""

    stream: str


def read_head(head: bytes, fresh: bytes) -> Tunnel | Upgrade:
    """`head` without its empty line. Raises MalformedHeadError.

    `fresh` is what `read_upgrade` takes.
    """
    if not head.startswith(_TUNNEL):
        return read_upgrade(head, fresh)
    line, fields = _split(head)
    streams = [value for name, value in fields if name.lower() == STREAM_HEADER.encode()]
    if (
        _TUNNEL_LINE.fullmatch(line) is None
        or len(streams) != 1
        or any(name.lower() in _BODY_FIELDS for name, _ in fields)
    ):
        raise MalformedHeadError
    return Tunnel(streams[0].decode("latin-1"))


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A WebSocket handshake: the stream it claims, and the head that goes to the upstream.

    `accept` is what the upstream has to answer to a key that was added here; empty where the
    client sent one, and looks by itself.
    """

    stream: str
    head: bytes
    accept: bytes = b""


def read_upgrade(head: bytes, fresh: bytes) -> Upgrade:
    """`head` without its empty line. Raises MalformedHeadError.

    doorward's cookies and the stream's id stay here; every other header goes on. `fresh` are 16
    random bytes: over HTTP/2 there is no key (RFC 8441, 5), and every upstream wants one
    (RFC 6455, 4.2.1).
    """
    request_line, fields = _split(head)
    if _REQUEST_LINE.fullmatch(request_line) is None:
        raise MalformedHeadError
    streams, upgrades = [], []
    kept = [request_line]
    for name, value in fields:
        lower = name.lower()
        if lower == STREAM_HEADER.encode():
            streams.append(value.decode("latin-1"))
            continue
        if lower == b"upgrade":
            upgrades.append(value.lower())
        elif lower == b"content-length" and value == b"0":
            continue
        elif lower in _BODY_FIELDS:
            # A body here would reach the upstream as a request that nobody decided.
            raise MalformedHeadError
        elif lower == b"cookie":
            rest = without_own_cookies(value.decode("latin-1")).encode("latin-1")
            if rest:
                kept.append(name + b": " + rest)
            continue
        kept.append(name + b": " + value)
    if upgrades != [b"websocket"] or len(streams) != 1:
        raise MalformedHeadError
    accept = b"" if _KEY in {name.lower() for name, _ in fields} else _add_key(kept, fresh)
    return Upgrade(streams[0], b"\r\n".join(kept) + HEAD_END, accept)


def _add_key(kept: list[bytes], fresh: bytes) -> bytes:
    """Put a key among the headers; what the upstream has to make of it (RFC 6455, 1.3)."""
    key = base64.b64encode(fresh)
    kept.append(_KEY + b": " + key)
    return base64.b64encode(sha1(key + _ACCEPTED).digest())  # noqa: S324 - what the RFC says


@dataclass(frozen=True, slots=True)
class Answer:
    """The upstream's answer; `head` is what Envoy gets."""

    status: int
    head: bytes


def read_answer(head: bytes, accept: bytes = b"") -> Answer:
    """`head` without its empty line. Raises MalformedHeadError.

    With `accept`, that is what the upstream must have answered; it is none of the client's.

    An answer other than 101 goes on without its body and ends the connection, so that nothing
    after it can be taken for a request.
    """
    status_line, fields = _split(head)
    match = _STATUS_LINE.fullmatch(status_line)
    if match is None:
        raise MalformedHeadError
    status = int(match[1])
    if status == SWITCHING_PROTOCOLS:
        if not accept:
            return Answer(status, head + HEAD_END)
        if [value for name, value in fields if name.lower() == _ACCEPT] != [accept]:
            raise MalformedHeadError
        rest = [name + b": " + value for name, value in fields if name.lower() != _ACCEPT]
        return Answer(status, b"\r\n".join([status_line, *rest]) + HEAD_END)
    kept = [status_line]
    kept += [name + b": " + value for name, value in fields if name.lower() not in _HOP_FIELDS]
    kept += [b"content-length: 0", b"connection: close"]
    return Answer(status, b"\r\n".join(kept) + HEAD_END)


def refusal(status: int, reason: str) -> bytes:
    """An answer of the relay's own."""
    return f"HTTP/1.1 {status} {reason}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


def _split(head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    first, *lines = head.split(b"\r\n")
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise MalformedHeadError
        fields.append((match[1], match[2]))
    return first, fields
