"""The tables of identity verification and of confirmed addresses, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from doorward.administrator.identity.records import (
    Case,
    Contact,
    End,
    StoredVerification,
    Training,
    Verification,
)
from doorward.model.ids import UnixSeconds, UserId


class ContactTable(Protocol):
    """One confirmed address of each person: the estate's, or a further one for notices."""

    async def of(self, user: UserId) -> Contact | None: ...

    async def put(self, contact: Contact) -> None: ...

    async def remove(self, user: UserId) -> bool:
        """Whether there was one."""
        ...


class CaseTable(Protocol):
    """Proofing cases."""

    async def get(self, case_id: str) -> Case | None: ...

    async def put(self, case: Case) -> None: ...

    async def open(self) -> Sequence[Case]:
        """Those that are open, the oldest first."""
        ...

    async def of(self, subject: UserId) -> Sequence[Case]:
        """All of one person, the newest first."""
        ...

    async def holders(self, number_hash: str) -> frozenset[UserId]:
        """Whose open or approved cases rest on a document of that number."""
        ...

    async def remove_closed_before(self, moment: UnixSeconds) -> int:
        """Forget cases that were closed before `moment`, except those with a verification."""
        ...


class VerificationTable(Protocol):
    """Verifications: added and ended, never changed."""

    async def add(self, verification: Verification) -> None: ...

    async def end(self, end: End) -> None: ...

    async def get(self, verification_id: str) -> StoredVerification | None: ...

    async def of(self, user: UserId) -> Sequence[StoredVerification]:
        """All of one person, the newest first."""
        ...

    async def live(self) -> Sequence[Verification]:
        """Those that have not ended, the first to run out first."""
        ...

    async def note(self, verification_id: str, notice: str, at: UnixSeconds) -> bool:
        """Record that somebody was told something of it; False where they were before."""
        ...

    async def remove_ended_before(self, moment: UnixSeconds) -> int:
        """Forget verifications that ended before `moment`, with all that is kept of them."""
        ...


class TrainingTable(Protocol):
    """Who was trained to verify others."""

    async def put(self, training: Training) -> None: ...

    async def all(self) -> Sequence[Training]:
        """The newest of each person, by id."""
        ...

    async def remove(self, user: UserId) -> int:
        """Forget all training of a person; how many records there were."""
        ...


class IdentityTables(Protocol):
    """Everything that is kept of identity verification, and where else notices go."""

    @property
    def contacts(self) -> ContactTable: ...
    @property
    def notice_addresses(self) -> ContactTable: ...
    @property
    def cases(self) -> CaseTable: ...
    @property
    def verifications(self) -> VerificationTable: ...
    @property
    def trainings(self) -> TrainingTable: ...
