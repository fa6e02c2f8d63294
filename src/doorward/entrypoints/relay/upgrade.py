"""The heads of an upgrade: what Envoy asks of the relay, and what the upstream answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from doorward.enforcement.envoy.check import STREAM_HEADER
from doorward.entrypoints.ext_authz.credentials import without_own_cookies

MAX_HEAD_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"

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
SWITCHING_PROTOCOLS = 101


class MalformedUpgradeError(Exception):
    """The head is not one that the relay carries."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A WebSocket handshake: the stream it claims, and the head that goes to the upstream."""

    stream: str
    head: bytes


def read_upgrade(head: bytes) -> Upgrade:
    """`head` without its empty line. Raises MalformedUpgradeError.

    doorward's cookies and the stream's id stay here; every other header goes on.
    """
    request_line, fields = _split(head)
    if _REQUEST_LINE.fullmatch(request_line) is None:
        raise MalformedUpgradeError
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
            raise MalformedUpgradeError
        elif lower == b"cookie":
            rest = without_own_cookies(value.decode("latin-1")).encode("latin-1")
            if rest:
                kept.append(name + b": " + rest)
            continue
        kept.append(name + b": " + value)
    if upgrades != [b"websocket"] or len(streams) != 1:
        raise MalformedUpgradeError
    return Upgrade(streams[0], b"\r\n".join(kept) + HEAD_END)


@dataclass(frozen=True, slots=True)
class Answer:
    """The upstream's answer; `head` is what Envoy gets."""

    status: int
    head: bytes


def read_answer(head: bytes) -> Answer:
    """`head` without its empty line. Raises MalformedUpgradeError.

    An answer other than 101 goes on without its body and ends the connection, so that nothing
    after it can be taken for a request.
    """
    status_line, fields = _split(head)
    match = _STATUS_LINE.fullmatch(status_line)
    if match is None:
        raise MalformedUpgradeError
    status = int(match[1])
    if status == SWITCHING_PROTOCOLS:
        return Answer(status, head + HEAD_END)
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
            raise MalformedUpgradeError
        fields.append((match[1], match[2]))
    return first, fields
