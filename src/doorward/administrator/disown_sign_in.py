"""A person says of a sign-in or an attempt in their own log: this was not me."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.disabling import void_ways_in
from doorward.administrator.mail import notify
from doorward.administrator.notices import notify_person
from doorward.administrator.sessions_of import end_sessions, sessions_of
from doorward.administrator.settled import settled
from doorward.administrator.sign_ins.letters import to_person, to_security
from doorward.administrator.sign_ins.ports import SignIn
from doorward.administrator.targets import standing_of
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.identity import Standing
from doorward.model.ids import SessionId
from doorward.model.snapshot import Change, Snapshot, change

RISK_OF_SIGN_IN = 80
"""The least risk of a person as whom somebody else has signed in."""
RISK_OF_ATTEMPT = 30
"""The least risk of a person as whom somebody else has tried to."""

_WAYS_BACK = frozenset({"invitation", "recovery"})
"""Attempts by these come from somebody who holds an invitation, or an approval."""


@dataclass(frozen=True, slots=True)
class Disowned:
    """What was disowned, whether the session that said so ended with it, and the effect."""

    sign_in: SignIn
    current_ended: bool
    effect: Effect


async def disown_sign_in(
    control: ControlPlane,
    act: Act,
    user: User,
    seq: int,
    *,
    current: SessionId,
    security_contact: str = "",
) -> Disowned:
    """End what the stranger has, raise the risk of `user`, and tell who must know.

    A sign-in ends all sessions of `user` but `current`, and that one too if it is the one that
    is disowned; the risk is at least 80 from then on. The person's invitation, recoveries for
    them, and what was approved in their name are worth nothing any more. An attempt that failed
    has no session to end: the risk is at least 30, and only one by an invitation or a recovery
    voids them. What was disowned before stays as it is. Raises DoorwardError `sign-in-unknown`
    where `seq` is not one of this person's own.
    """
    async with control.store.transaction() as transaction:
        entry = await transaction.sign_ins.get(user.id, seq)
        if entry is None or entry.outcome == "went-idle":
            raise DoorwardError(
                "sign-in-unknown",
                "You have no such sign-in.",
                "It may be too old to be kept. Look at your sign-ins again.",
            )
        new = await transaction.sign_ins.disown(user.id, seq, act.at)
        changes: list[Change] = []
        if new:
            snapshot = await settled(control, transaction)
            changes = [
                *_ended(snapshot, entry, current),
                *_risen(await standing_of(transaction, user.id), entry),
            ]
            if entry.outcome != "rejected" or _WAYS_BACK.intersection(entry.methods):
                await void_ways_in(transaction, user.id, act.at)
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="sign-in-disowned",
                target=f"user:{user.id}",
                detail={
                    "sign_in": str(seq),
                    "outcome": entry.outcome,
                    "session": entry.session,
                    "address": entry.address,
                },
            )
        number = await transaction.snapshot.publish(changes)
    done = Disowned(entry, entry.session == current, await effect(control, number))
    if new and entry.outcome != "rejected":
        await notify_person(control, user, to_person(user, entry, act.at))
    if new and security_contact:
        await notify(control.mailer, to_security(user, entry, act.at, security_contact))
    return done


def _ended(snapshot: Snapshot, entry: SignIn, current: SessionId) -> list[Change]:
    if entry.outcome == "rejected":
        return []
    kept = None if entry.session == current else current
    return end_sessions(
        snapshot, [item for item in sessions_of(snapshot, entry.user) if item != kept]
    )


def _risen(standing: Standing, entry: SignIn) -> list[Change]:
    rejected = entry.outcome == "rejected"
    risk = RISK_OF_ATTEMPT if rejected else RISK_OF_SIGN_IN
    if standing.risk >= risk:
        return []
    what = "an attempt to sign in" if rejected else "a sign-in"
    reason = f"the person disowned {what}"
    return [change("standing", msgspec.structs.replace(standing, risk=risk, reason=reason))]
