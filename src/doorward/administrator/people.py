"""Everyone in a snapshot, by the names that people type, and in the order of their names.

A snapshot holds people by id. What is derived here from all of them is kept for the last snapshot
that was asked about, and brought up to date from there: looking somebody up costs nothing where
nobody has changed, and some milliseconds for 100,000 people where a few have.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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

    def search(self, text: str, *, offset: int, limit: int) -> Found:
        """Those whose name, id or address contains `text`; all of them where it is empty."""
        if not self._ordered:
            self._ordered = sorted(map(_place, self.users.values()))
        wanted = text.strip().casefold()
        places = [place for place in self._ordered if wanted in place[0]]
        return Found([self.users[user] for _, user in places[offset : offset + limit]], len(places))


_last: list[People] = []


def people_of(snapshot: Snapshot) -> People:
    """Everyone in `snapshot`."""
    last = _last[0] if _last else None
    if last is not None and last.users is snapshot.users:
        return last
    people = _caught_up(last, snapshot.users) if last is not None else None
    if people is None:
        people = People(
            snapshot.users,
            _named(snapshot.users.values(), _address),
            _named(snapshot.users.values(), _id),
        )
    _last[:] = [people]
    return people


def _caught_up(last: People, users: Mapping[str, User]) -> People | None:
    """`last` with what is different in `users`; None where that is most of it."""
    known = last.users
    added = [user for key, user in users.items() if known.get(key) is not user]
    removed = [user for key, user in known.items() if users.get(key) is not user]
    if len(added) + len(removed) > _CHANGED_TO_REBUILD:
        return None
    by_address, by_id = dict(last._by_address), dict(last._by_id)  # noqa: SLF001 - its own kind
    ordered = list(last._ordered)  # noqa: SLF001
    for user in removed:
        _forget(by_address, _address(user), user.id)
        _forget(by_id, _id(user), user.id)
    for user in added:
        _name(by_address, _address(user), user.id)
        _name(by_id, _id(user), user.id)
    if ordered:
        gone = {user.id for user in removed}
        ordered = [place for place in ordered if place[1] not in gone]
        for user in added:
            insort(ordered, _place(user))
    return People(users, by_address, by_id, ordered)


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
