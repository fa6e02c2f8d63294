"""What is kept of event streams. Every adapter raises `DoorwardError` only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.estate import SigningAlgorithm
from doorward.model.ids import ServiceId, UnixSeconds
from doorward.protocol.signals.events import StreamStatus
from doorward.protocol.signals.subjects import Json

StreamMethod = Literal["push", "poll"]
UserFormat = Literal["iss_sub", "email"]
Stopper = Literal["", "receiver", "operator", "system"]
PendingKind = Literal["event", "verification", "update"]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """An event stream (SSF 1.0, 8.1.1). It is `receiver`'s, and no other service knows of it.

    `endpoint_url` and `authorization` (the `Authorization` header, sealed) are where and how SETs
    are pushed. `requested` are event types. `user_format` is how people are named in it.
    `stopped_by` says who took its status away from `enabled`.
    `attempts` failed in a row, since `failing_since`; the next is due at `due_at`. `heard_at` is
    when the receiver last showed a sign of life.
    """

    id: str
    receiver: ServiceId
    method: StreamMethod
    created_at: UnixSeconds
    endpoint_url: str = ""
    authorization: bytes | None = None
    requested: tuple[str, ...] = ()
    description: str = ""
    user_format: UserFormat = "iss_sub"
    algorithm: SigningAlgorithm = "RS256"
    status: StreamStatus = "enabled"
    reason: str = ""
    stopped_by: Stopper = ""
    verified_at: UnixSeconds | None = None
    attempts: int = 0
    due_at: UnixSeconds = 0.0
    failing_since: UnixSeconds | None = None
    last_error: str = ""
    heard_at: UnixSeconds | None = None


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A token that waits to be delivered. `claims` is all of it but the signature, as JSON.

    `seq` is given by the store: it grows.
    """

    stream: str
    jti: str
    kind: PendingKind
    claims: msgspec.Raw
    at: UnixSeconds
    seq: int = 0


class StreamTable(Protocol):
    """Event streams, inside one transaction."""

    async def any(self) -> bool:
        """Whether there is a stream at all: asked in every transaction that changes something."""
        ...

    async def all(self) -> Sequence[Stream]:
        """Every stream, the oldest first."""
        ...

    async def get(self, stream: str) -> Stream | None: ...

    async def put(self, stream: Stream) -> None: ...

    async def remove(self, stream: str) -> None:
        """Forget it, with what waits on it and the subjects that it left out."""
        ...

    async def due(self, now: UnixSeconds) -> Sequence[Stream]:
        """Push streams with something to deliver, whose next attempt is due."""
        ...


class OutboxTable(Protocol):
    """Tokens that wait to be delivered, inside one transaction."""

    async def add(self, items: Sequence[Pending]) -> None: ...

    async def waiting(
        self, stream: str, limit: int, kinds: Collection[PendingKind]
    ) -> Sequence[Pending]:
        """The next ones of these kinds: updates of the stream first, else the oldest first."""
        ...

    async def remove(self, stream: str, jtis: Collection[str]) -> int:
        """Forget delivered ones; how many there were."""
        ...

    async def drop(self, stream: str, kinds: Collection[PendingKind]) -> int:
        """Forget all of these kinds; how many there were."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """How many wait, by stream; a stream with none may be missing."""
        ...

    async def trim(self, before: UnixSeconds, most: int) -> Mapping[str, int]:
        """Forget those older than `before` and, of each stream, all but the newest `most`.

        How many went, by stream.
        """
        ...


class LeftOutTable(Protocol):
    """Subjects that a receiver removed from its stream, inside one transaction."""

    async def of(self, stream: str) -> Sequence[Json]: ...

    async def add(self, stream: str, subject: Json) -> None: ...

    async def remove(self, stream: str, subject: Json) -> None: ...


class SignalTables(Protocol):
    """Everything that is kept of Shared Signals, inside one transaction."""

    @property
    def streams(self) -> StreamTable: ...
    @property
    def outbox(self) -> OutboxTable: ...
    @property
    def left_out(self) -> LeftOutTable: ...


class SetPusher(Protocol):
    """Pushes a token to a receiver (RFC 8935)."""

    async def push(self, url: str, authorization: str, token: str) -> None:
        """Done where it answers 202. Raises DoorwardError.

        `set-refused` where the receiver says what is wrong with this very token (400), else
        `set-undelivered`. The detail holds nothing of the answer but an error code.
        """
        ...
