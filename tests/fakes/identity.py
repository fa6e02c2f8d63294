"""The tables of identity verification in memory: port `IdentityTables`.

`IdentityState` holds them; the fake store copies it for each transaction, which its own
`__copy__` makes deep enough. It passes tests/contract/test_identity_contract.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from doorward.administrator.identity.records import (
    Case,
    Contact,
    End,
    StoredVerification,
    Training,
    Verification,
)
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, UserId


@dataclass
class IdentityState:
    contacts: dict[UserId, Contact] = field(default_factory=dict)
    notice_addresses: dict[UserId, Contact] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    verifications: dict[str, Verification] = field(default_factory=dict)
    ends: dict[str, End] = field(default_factory=dict)
    notices: set[tuple[str, str]] = field(default_factory=set)
    trainings: list[Training] = field(default_factory=list)

    def __copy__(self) -> IdentityState:
        return IdentityState(
            dict(self.contacts),
            dict(self.notice_addresses),
            dict(self.cases),
            dict(self.verifications),
            dict(self.ends),
            set(self.notices),
            list(self.trainings),
        )


class _Contacts:
    def __init__(self, items: dict[UserId, Contact]) -> None:
        self._items = items

    async def of(self, user: UserId) -> Contact | None:
        return self._items.get(user)

    async def put(self, contact: Contact) -> None:
        self._items[contact.user] = contact

    async def remove(self, user: UserId) -> bool:
        return self._items.pop(user, None) is not None


class _Cases:
    def __init__(self, state: IdentityState) -> None:
        self._state = state
        self._items = state.cases

    async def get(self, case_id: str) -> Case | None:
        return self._items.get(case_id)

    async def put(self, case: Case) -> None:
        self._items[case.id] = case

    async def open(self) -> Sequence[Case]:
        found = [case for case in self._items.values() if case.state == "open"]
        return sorted(found, key=lambda case: (case.opened_at, case.id))

    async def of(self, subject: UserId) -> Sequence[Case]:
        found = [case for case in self._items.values() if case.subject == subject]
        return sorted(found, key=lambda case: (case.opened_at, case.id), reverse=True)

    async def holders(self, number_hash: str) -> frozenset[UserId]:
        return frozenset(
            case.subject
            for case in self._items.values()
            if case.state in {"open", "approved"}
            and any(item.number_hash == number_hash for item in case.evidence if number_hash)
        )

    async def remove_closed_before(self, moment: UnixSeconds) -> int:
        verified = {item.case for item in self._state.verifications.values()}
        gone = [
            case.id
            for case in self._items.values()
            if case.closed_at is not None and case.closed_at < moment and case.id not in verified
        ]
        for case in gone:
            del self._items[case]
        return len(gone)


class _Verifications:
    def __init__(self, state: IdentityState) -> None:
        self._state = state

    async def add(self, verification: Verification) -> None:
        if verification.id in self._state.verifications:
            raise DoorwardError("store-conflict", "It is there already.")
        self._state.verifications[verification.id] = verification

    async def end(self, end: End) -> None:
        if end.verification in self._state.ends:
            raise DoorwardError("store-conflict", "It has ended already.")
        self._state.ends[end.verification] = end

    async def get(self, verification_id: str) -> StoredVerification | None:
        found = self._state.verifications.get(verification_id)
        return None if found is None else self._stored(found)

    async def of(self, user: UserId) -> Sequence[StoredVerification]:
        found = [item for item in self._state.verifications.values() if item.user == user]
        found.sort(key=lambda item: (item.at, item.id), reverse=True)
        return [self._stored(item) for item in found]

    async def live(self) -> Sequence[Verification]:
        found = [
            item for item in self._state.verifications.values() if item.id not in self._state.ends
        ]
        return sorted(found, key=lambda item: (item.until, item.id))

    async def note(self, verification_id: str, notice: str, at: UnixSeconds) -> bool:
        known = (verification_id, notice) in self._state.notices
        self._state.notices.add((verification_id, notice))
        return not known

    async def remove_ended_before(self, moment: UnixSeconds) -> int:
        gone = [end.verification for end in self._state.ends.values() if end.at < moment]
        for verification in gone:
            del self._state.ends[verification]
            self._state.verifications.pop(verification, None)
        self._state.notices -= {note for note in self._state.notices if note[0] in gone}
        return len(gone)

    def _stored(self, item: Verification) -> StoredVerification:
        return StoredVerification(verification=item, end=self._state.ends.get(item.id))


class _Trainings:
    def __init__(self, state: IdentityState) -> None:
        self._items = state.trainings

    async def put(self, training: Training) -> None:
        self._items[:] = [
            item
            for item in self._items
            if (item.user, item.trained_at) != (training.user, training.trained_at)
        ]
        self._items.append(training)

    async def all(self) -> Sequence[Training]:
        ordered = sorted(self._items, key=lambda item: (item.user, item.trained_at))
        return list({item.user: item for item in ordered}.values())

    async def remove(self, user: UserId) -> int:
        before = len(self._items)
        self._items[:] = [item for item in self._items if item.user != user]
        return before - len(self._items)


class MemoryIdentity:
    """Port `IdentityTables` on a state."""

    def __init__(self, state: IdentityState) -> None:
        self.contacts = _Contacts(state.contacts)
        self.notice_addresses = _Contacts(state.notice_addresses)
        self.cases = _Cases(state)
        self.verifications = _Verifications(state)
        self.trainings = _Trainings(state)
