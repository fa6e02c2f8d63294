"""The tables that receiving signals keeps: ports beside `ports.Transaction`, which holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.ids import TransmitterId, UnixSeconds

Outcome = Literal[
    "applied",
    "nothing-to-do",
    "verified",
    "stream-updated",
    "subject-unknown",
    "member-not-understood",
    "event-unknown",
    "event-not-allowed",
    "effect-not-allowed",
    "out-of-order",
    "not-its-word",
    "no-risk-given",
]
"""What came of a signal; only `applied` changed anything."""


class NewSignal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that was received and is believed; `at` is when it happened, by its own word.

    `type` is the event's URI. `subject` names whom it was about here, such as `user:ID`, or says
    by which format somebody unknown was named. `detail` says more of the outcome, for people.
    """

    transmitter: TransmitterId
    jti: str
    type: str
    subject: str
    at: UnixSeconds
    received_at: UnixSeconds
    outcome: Outcome
    detail: str = ""


class ReceivedSignal(NewSignal, frozen=True, kw_only=True):
    """An entry of the log of signals."""

    seq: int


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """The newest that a transmitter said of `subject` in one `series`, and when it was so."""

    transmitter: TransmitterId
    series: str
    subject: str
    at: UnixSeconds
    said: str


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a transmitter: secrets, its stream, its last verification.

    All of it holds for `issuer`, and for no other under the same id. `push_hash` is the SHA-256 of
    the bearer that it sends, `management` the sealed token for its API. `stream` is empty where
    there is none. `state_hash` is the SHA-256 of what a verification must echo.
    """

    transmitter: TransmitterId
    issuer: str
    push_hash: str = ""
    management: bytes | None = None
    stream: str = ""
    audience: tuple[str, ...] = ()
    poll_url: str = ""
    delivered: tuple[str, ...] = ()
    status: str = ""
    connected_at: UnixSeconds | None = None
    state_hash: str = ""
    asked_at: UnixSeconds | None = None
    verified_at: UnixSeconds | None = None
    heard_at: UnixSeconds | None = None


class ReceivedSignalTable(Protocol):
    """The log of signals, inside one transaction."""

    async def append(self, signal: NewSignal) -> ReceivedSignal:
        """Raises `store-conflict` where the transmitter's `jti` is there already."""
        ...

    async def seen(self, transmitter: TransmitterId, jti: str) -> bool: ...

    async def latest(
        self, *, before: int | None = None, limit: int = 50
    ) -> Sequence[ReceivedSignal]:
        """Newest first, with numbers below `before`."""
        ...

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        """Remove those received before `moment`, the oldest `limit`; how many there were."""
        ...


class WordTable(Protocol):
    """What each transmitter said last, inside one transaction."""

    async def get(self, transmitter: TransmitterId, series: str, subject: str) -> Word | None: ...

    async def about(self, series: str, subject: str) -> Sequence[Word]:
        """What every transmitter said last of it."""
        ...

    async def put(self, word: Word) -> None: ...

    async def remove_subject(self, subject: str) -> int:
        """Forget what was said of one subject; how many words there were."""
        ...

    async def remove_transmitter(self, transmitter: TransmitterId) -> None: ...


class StreamTable(Protocol):
    """Streams and secrets by transmitter, inside one transaction."""

    async def get(self, transmitter: TransmitterId) -> StreamRecord | None: ...

    async def put(self, record: StreamRecord) -> None: ...

    async def remove(self, transmitter: TransmitterId) -> None: ...


class ReceiverTables(Protocol):
    """All tables of received signals."""

    @property
    def signals(self) -> ReceivedSignalTable: ...
    @property
    def words(self) -> WordTable: ...
    @property
    def streams(self) -> StreamTable: ...
