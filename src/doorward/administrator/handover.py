"""What a person answers for, to be handed to somebody else. Computed, and nowhere stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from doorward.administrator.identity.records import Case
from doorward.model.estate import Policy
from doorward.model.ids import UserId
from doorward.model.snapshot import Snapshot

_NAMED = re.compile(r'\bUser\s*::\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Owned:
    """Resources and services that they own, policies that name them, cases that they work."""

    user: UserId
    resources: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many things there are to hand over."""
        return sum(map(len, (self.resources, self.services, self.policies, self.cases)))


def owned_by(snapshot: Snapshot, user: UserId, open_cases: Iterable[Case]) -> Owned:
    """All that `user` answers for. Groups, labels and networks have no owner."""
    return Owned(
        user=user,
        resources=_sorted(r.id for r in snapshot.resources.values() if r.owner == user),
        services=_sorted(s.id for s in snapshot.services.values() if s.owner == user),
        policies=_sorted(p.id for p in snapshot.policies.values() if user in _named(p)),
        cases=_sorted(case.id for case in open_cases if case.verifier == user),
    )


def left_behind(snapshot: Snapshot, open_cases: Sequence[Case]) -> list[Owned]:
    """Everything whose owner has left, or is not known any more; by owner."""
    owners = {
        *(r.owner for r in snapshot.resources.values()),
        *(s.owner for s in snapshot.services.values() if s.owner),
        *(case.verifier for case in open_cases if case.verifier),
    }
    named = {name for item in snapshot.policies.values() for name in _named(item)}
    left = {standing.id for standing in snapshot.standings.values() if standing.left}
    gone = {
        UserId(user)
        for user in owners | named
        if user in left or (user in owners and user not in snapshot.users)
    }
    found = (owned_by(snapshot, user, open_cases) for user in sorted(gone))
    return [owned for owned in found if owned.count]


def _named(policy: Policy) -> list[str]:
    return _NAMED.findall(policy.text)


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))
