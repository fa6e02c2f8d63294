"""What an effect works with, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.administrator.receiver.set_claims import SecurityEvent
from doorward.administrator.receiver.subjects import Subject
from doorward.administrator.receiver_ports import Outcome, Word
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Change, Snapshot
from doorward.model.transmitter import Transmitter


@dataclass(frozen=True, slots=True)
class Applying:
    """One signal within the transaction that applies it; `snapshot` is all documents before."""

    transaction: Transaction
    snapshot: Snapshot
    transmitter: Transmitter
    event: SecurityEvent
    subject: Subject
    now: UnixSeconds

    @property
    def act(self) -> Act:
        return Act(self.transmitter.authority, self.now)

    @property
    def reason(self) -> str:
        """For documents and people: who said what."""
        return f"{self.transmitter.name} says so ({self.event.name})"

    async def word(self, series: str, subject: str) -> Word | None:
        """What this transmitter said last of `subject` in this series."""
        return await self.transaction.receiver.words.get(self.transmitter.id, series, subject)

    async def say(self, series: str, subject: str, said: str) -> None:
        """Remember this as its newest word."""
        word = Word(
            transmitter=self.transmitter.id,
            series=series,
            subject=subject,
            at=self.event.at,
            said=said,
        )
        await self.transaction.receiver.words.put(word)

    def is_late(self, last: Word | None) -> bool:
        """Whether something newer was said already: it arrived out of order."""
        return last is not None and self.event.at < last.at


class Done(msgspec.Struct, frozen=True):
    """The changes; without any, `otherwise` is the outcome. `detail` is for people."""

    changes: tuple[Change, ...] = ()
    detail: str = ""
    otherwise: Outcome = "nothing-to-do"
