"""What a person could reach: the policy engine asked about everything, ahead of time. Pure.

A forecast, never a permission: the gateway decides each request. The person is imagined as just
signed in by passkey, from an address in no network and without a device, so a resource that asks
for more shows what is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from doorward.engine import PreparedSnapshot, decide, prepare
from doorward.engine.facts import ACTIONS
from doorward.model.decision import AccessRequest, Allow, RemedyKind
from doorward.model.estate import Action
from doorward.model.identity import Session
from doorward.model.ids import GroupId, ResourceId, SessionId, UnixSeconds, UserId
from doorward.model.snapshot import Snapshot, change

NOWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound: an address that is in no network
_IMAGINED = SessionId("imagined")
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a resource is open for an action: at once, after `needs`, or not at all.

    Of the console, whether any area of it is.
    """

    resource: ResourceId
    action: Action
    open: bool
    needs: tuple[RemedyKind, ...] = ()

    @property
    def closed(self) -> bool:
        """Nothing that the person could do would open it."""
        return not self.open and not self.needs


@dataclass(frozen=True, slots=True)
class Move:
    """One resource and action whose answer changes."""

    before: Reach
    after: Reach

    @property
    def gained(self) -> bool:
        """Whether it is more open than before."""
        return (self.after.open, not self.after.closed) > (
            self.before.open,
            not self.before.closed,
        )


def reach_of(snapshot: Snapshot, user: UserId, now: UnixSeconds) -> list[Reach]:
    """Every resource and action, by id; a person who is disabled reaches nothing."""
    return _asked(prepare(_imagined(snapshot, user, now), expires_at=math.inf), now)


def moves(
    snapshot: Snapshot, user: UserId, groups: Sequence[GroupId], now: UnixSeconds
) -> list[Move]:
    """What changes for `user`, who must exist, when `groups` become their own groups."""
    before = prepare(_imagined(snapshot, user, now), expires_at=math.inf)
    moved = msgspec.structs.replace(snapshot.users[user], groups=tuple(sorted(set(groups))))
    after = prepare(
        before.snapshot.advance(snapshot.number, [change("user", moved)]),
        before,
        expires_at=math.inf,
    )
    pairs = zip(_asked(before, now), _asked(after, now), strict=True)
    return [Move(old, new) for old, new in pairs if old != new]


def _imagined(snapshot: Snapshot, user: UserId, now: UnixSeconds) -> Snapshot:
    session = Session(
        id=_IMAGINED,
        user=user,
        started_at=now,
        expires_at=now + _HOUR,
        authenticated_at=now,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address=NOWHERE,
        aal=2,
    )
    return snapshot.advance(snapshot.number, [change("session", session)])


def _asked(prepared: PreparedSnapshot, now: UnixSeconds) -> list[Reach]:
    return [
        _reach(prepared, ResourceId(resource), action, now)
        for resource in sorted(prepared.snapshot.resources)
        for action in ACTIONS
    ]


def _reach(
    prepared: PreparedSnapshot, resource: ResourceId, action: Action, now: UnixSeconds
) -> Reach:
    closed = Reach(resource, action, open=False)
    for area in prepared.areas_of(prepared.snapshot.resources[resource]):
        request = AccessRequest(
            resource=resource, action=action, address=NOWHERE, session=_IMAGINED, area=area
        )
        decision = decide(request, prepared, now)
        if isinstance(decision, Allow):
            return Reach(resource, action, open=True)
        needs = tuple(remedy.kind for remedy in decision.remedies)
        if closed.closed and "ask-access" not in needs:
            closed = Reach(resource, action, open=False, needs=needs)
    return closed
