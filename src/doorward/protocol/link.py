"""The link between control plane and gateway: messages over one mutual-TLS connection.

On the wire each message is a 4-byte big-endian length and that many bytes of JSON.
The gateway says `Hello`; the control plane answers with `Frame`s, each signed with the snapshot
key, that take the gateway's replica from `base` to `number`. A frame with base 0 replaces the
whole replica. A frame without changes (base = number) only moves the expiry: the heartbeat.
"""

from __future__ import annotations

import msgspec

from doorward.model.decision import DecisionRecord
from doorward.model.ids import GatewayId, SessionId, UnixSeconds
from doorward.model.snapshot import Change

VERSION = 1
MAX_MESSAGE_BYTES = 256 * 1024 * 1024


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """First message of a gateway. `number` is the snapshot it holds, 0 for none.

    `assertion_jwk` is the public key (RFC 7517) that verifies this process's identity assertions.
    """

    version: int
    gateway: GatewayId
    number: int
    assertion_jwk: dict[str, str]


class Applied(msgspec.Struct, frozen=True, kw_only=True, tag="applied"):
    """The gateway enforces snapshot `number`: no earlier answer can be given any more."""

    number: int


class Decisions(msgspec.Struct, frozen=True, kw_only=True, tag="decisions"):
    """Decision records from the gateway's spool; acknowledged by `DecisionsStored`.

    `position` is the spool position after the last record; the same records may come again.
    """

    position: str
    records: tuple[DecisionRecord, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True, tag="health"):
    """The gateway's own health, every few seconds: part name to `ok` or what is wrong.

    Decisions that were made more than `late_seconds` ago were all sent before. `spoken` are the
    sessions on whose open streams the browser said something since the last time.
    """

    parts: dict[str, str]
    open_streams: int
    spool_bytes: int
    late_seconds: float = 0.0
    spoken: tuple[SessionId, ...] = ()


class SignedFrame(msgspec.Struct, frozen=True, kw_only=True, tag="frame"):
    """A `Frame`'s JSON and its Ed25519 signature by the snapshot key."""

    payload: bytes
    signature: bytes


class DecisionsStored(msgspec.Struct, frozen=True, kw_only=True, tag="stored"):
    """The control plane holds every record up to `position`."""

    position: str


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The control plane ends the link; `code` says why."""

    code: str
    detail: str


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What takes a replica from snapshot `base` to `number`, valid until `expires_at`."""

    base: int
    number: int
    issued_at: UnixSeconds
    expires_at: UnixSeconds
    changes: tuple[Change, ...]


FromGateway = Hello | Applied | Decisions | Health
FromControl = SignedFrame | DecisionsStored | Refused
