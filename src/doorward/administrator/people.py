"""Everyone in a snapshot, by the names that people type, and in the order of their names.

A snapshot holds people by id. What is derived here from all of them is kept for the last snapshot
that was asked about, and brought up to date from there: looking somebody up costs nothing where
nobody has changed, and two milliseconds for 100,000 people where a few have.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from doorward.model.estate import User
from doorward.model.snapshot import Snapshot

_CHANGED_TO_REBUILD = 2000

Names = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Found:
    """Some of those who fit a search, by name, and how many there are in all."""

    people: Sequence[User]
    total: int


@dataclass(slots=True)
class People:
    """`users` as the snapshot holds them; ids by address and by id, both without case."""

    users: Mapping[str, User]
    _by_address: Names
    _by_id: Names
    _ordered: list[tuple[str, str]] = field(default_factory=list)

    def with_address(self, address: str) -> tuple[str, ...]:
        """The ids of those who have this e-mail address, without regard to case."""
        return self._by_address.get(address.casefold(), ()) if address else ()

    def with_id(self, text: str) -> tuple[str, ...]:
        """The ids that are `text` without regard to case."""
        return self._by_id.get(text.casefold(), ())

    def follow(self, users: Mapping[str, User]) -> bool:
        """Become those of `users`; False, and unchanged, where most of them are others."""
        removed, added = _changed(self.users, users)
        if len(removed) + len(added) > _CHANGED_TO_REBUILD:
            return False
        for user in removed:
            _forget(self._by_address, _address(user), user.id)
            _forget(self._by_id, _id(user), user.id)
        for user in added:
            _name(self._by_address, _address(user), user.id)
            _name(self._by_id, _id(user), user.id)
        if self._ordered:
            for user in removed:
                del self._ordered[bisect_left(self._ordered, _place(user))]
            for user in added:
                insort(self._ordered, _place(user))
        self.users = users
        return True

    def search(self, text: str, *, offset: int = 0, limit: int | None = None) -> Found:
        """Those whose name, id or address contains `text`; all of them where it is empty."""
        if not self._ordered:
            self._ordered = sorted(map(_place, self.users.values()))
        wanted = text.strip().casefold()
        places = [place for place in self._ordered if wanted in place[0]]
        stop = None if limit is None else offset + limit
        return Found([self.users[user] for _, user in places[offset:stop]], len(places))


_last: list[People] = []


def people_of(snapshot: Snapshot) -> People:
    """Everyone in `snapshot`; good until another snapshot is asked about."""
    last = _last[0] if _last else None
    if last is not None and (last.users is snapshot.users or last.follow(snapshot.users)):
        return last
    people = People(
        snapshot.users,
        _named(snapshot.users.values(), _address),
        _named(snapshot.users.values(), _id),
    )
    _last[:] = [people]
    return people


def _changed(
    before: Mapping[str, User], after: Mapping[str, User]
) -> tuple[list[User], list[User]]:
    """Who is not there any more as they were, and who is new or different."""
    if len(before) <= len(after):
        # A map that was changed keeps its order, and has what is new at its end.
        both = zip(before.values(), after.values(), strict=False)
        pairs = [(old, new) for old, new in both if old is not new]
        if all(old.id == new.id for old, new in pairs):
            new = list(islice(after.values(), len(before), None))
            return [old for old, _ in pairs], [*(found for _, found in pairs), *new]
    removed = [user for key, user in before.items() if after.get(key) is not user]
    return removed, [user for key, user in after.items() if before.get(key) is not user]


def _named(users: Iterable[User], key: Callable[[User], str]) -> Names:
    names: Names = {}
    for user in users:
        _name(names, key(user), user.id)
    return names


def _name(names: Names, name: str, user: str) -> None:
    if name:
        names[name] = (*names.get(name, ()), user)


def _forget(names: Names, name: str, user: str) -> None:
    left = tuple(other for other in names.get(name, ()) if other != user)
    if left:
        names[name] = left
    else:
        names.pop(name, None)


def _address(user: User) -> str:
    return user.email.casefold()


def _id(user: User) -> str:
    return user.id.casefold()


def _place(user: User) -> tuple[str, str]:
    """What a person is found in and sorted by, and their id."""
    return f"{user.name}\n{user.id}\n{user.email}".casefold(), user.id
