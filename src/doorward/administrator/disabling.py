"""Keeping a person out and letting them in again, when two authorities have a say. Mostly pure.

Those who run doorward may disable a person, and so may the directory that provisions them and
other systems by a signal. A person is let in again once none wants them kept out; those who run
doorward overrule a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.accept_invitation import NEWEST
from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions, sessions_of
from doorward.model.identity import Authority, Standing
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Change, Snapshot, change


def disabled(standing: Standing, by: Authority, reason: str) -> Standing:
    """The standing once `by` too wants the person kept out."""
    others = tuple(other for other in disablers(standing) if other != by)
    return msgspec.structs.replace(
        standing, disabled=True, disabled_by=(*others, by), reason=reason
    )


def enabled(standing: Standing, by: Authority, reason: str) -> Standing:
    """The standing once `by` does not want the person kept out any more; others still may."""
    others = tuple(other for other in disablers(standing) if other != by)
    if others or standing.left:
        return msgspec.structs.replace(standing, disabled_by=others)
    return msgspec.structs.replace(standing, disabled=False, disabled_by=(), reason=reason)


def disablers(standing: Standing) -> tuple[Authority, ...]:
    """Who wants the person kept out."""
    if not standing.disabled:
        return ()
    return standing.disabled_by or ("doorward",)


async def shut_out(
    transaction: Transaction, snapshot: Snapshot, act: Act, before: Standing, after: Standing
) -> Sequence[Change]:
    """The changes that make `after` of a person's standing `before` and end what they have open.

    Their invitation is worth nothing any more, nor is a recovery, theirs or approved by them.
    """
    user = UserId(after.id)
    await void_ways_in(transaction, user, act.at)
    ended = end_sessions(snapshot, sessions_of(snapshot, user))
    return [*([] if before == after else [change("standing", after)]), *ended]


async def void_ways_in(transaction: Transaction, user: UserId, at: UnixSeconds) -> None:
    """What would still let somebody in as `user`, or by their word, is worth nothing any more."""
    await transaction.one_time.take(NEWEST, digest(user), at)
    await transaction.recoveries.remove_of(user)
