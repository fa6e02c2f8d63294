"""Leaving: everything that a person could use ends in one act, and what they owned is listed."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.disabling import disabled
from doorward.administrator.ending import Ended, Leaver, counts, end_person
from doorward.administrator.handover import Owned, owned_by
from doorward.administrator.settled import settled
from doorward.administrator.targets import standing_of, user_named
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, change


@dataclass(frozen=True, slots=True)
class Left:
    """What ended with the person, what they answered for, and the effect."""

    effect: Effect
    ended: tuple[Ended, ...]
    owned: Owned


async def leave(control: ControlPlane, act: Act, user: UserId, reason: str = "") -> Left:
    """Offboard `user`: disabled, signed out, without any means to come back in.

    Groups and roles go too, those that the estate declares until it is applied again. Whoever
    returns is enabled and needs an invitation: nothing else comes back. Doing it again ends what
    has come about since. Raises DoorwardError `user-unknown`.
    """
    async with control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        standing = await standing_of(transaction, user)
        snapshot = await settled(control, transaction)
        open_cases = await transaction.identity.cases.open()
        ended = await end_person(transaction, Leaver(user, snapshot, act.at, act.actor))
        out = disabled(standing, "doorward", reason or standing.reason)
        gone = msgspec.structs.replace(out, left=True, ial=0, ial_until=0.0, groups=())
        changes: list[Change] = [item for done in ended for item in done.changes]
        if gone != standing:
            changes.append(change("standing", gone))
        if person.groups or person.roles:
            changes.append(change("user", msgspec.structs.replace(person, groups=(), roles=())))
        number = await transaction.snapshot.publish(changes)
        if changes or any(done.count for done in ended):
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="user-left",
                target=f"user:{user}",
                detail={"reason": reason, **counts(ended)},
            )
    owned = owned_by(snapshot, user, open_cases)
    return Left(await effect(control, number), tuple(ended), owned)
