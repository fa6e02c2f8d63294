"""Write what was heard of use, and end the sessions that nobody used."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.idleness.limits import (
    LATE_SECONDS,
    IdleLimit,
    heard_everywhere,
    is_idle,
    last_used,
)
from doorward.administrator.open_session import AUTH
from doorward.administrator.ports import OneTime, Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.administrator.sign_in_entries import went_idle
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot

AT_ONCE = 100
_PURPOSE = "session-idle"
_DAY = 86_400


async def end_idle(control: ControlPlane, now: UnixSeconds) -> int:
    """How many sessions ended, `AT_ONCE` at the most. Raises what the store raises."""
    activity = control.activity
    limit = activity.limit
    unwritten = activity.unwritten(now)
    try:
        async with control.store.transaction() as transaction:
            table = transaction.activity
            await table.heard(unwritten.used, unwritten.sources)
            await table.remove_before(now - limit.seconds - LATE_SECONDS - _DAY)
            silent_until = heard_everywhere(await table.sources(), now)
            snapshot = await settled(control, transaction)
            activity.keep(snapshot.sessions)
            activity.learn(await table.used(_idle(snapshot, activity, silent_until)))
            ended = _idle(snapshot, activity, silent_until)[:AT_ONCE]
            for session in ended:
                await _note(transaction, snapshot.sessions[session], activity, now)
            await _remember(transaction, snapshot, ended)
            await transaction.snapshot.publish(end_sessions(snapshot, ended))
    except BaseException:
        activity.not_written(unwritten)
        raise
    return len(ended)


async def tell_last(control: ControlPlane, now: UnixSeconds) -> None:
    """At the end of this process: write what it heard, and be waited for no longer."""
    activity = control.activity
    unwritten = activity.unwritten(now)
    async with control.store.transaction() as transaction:
        await transaction.activity.heard(unwritten.used, unwritten.sources)
        await transaction.activity.forget_source(activity.source)


async def ended_idle(control: ControlPlane, secret: str, now: UnixSeconds) -> bool:
    """Whether the session of this cookie of the sign-in host ended because nobody used it."""
    async with control.store.transaction() as transaction:
        return await transaction.one_time.peek(_PURPOSE, digest(secret), now) is not None


def _idle(snapshot: Snapshot, activity: Activity, silent_until: UnixSeconds) -> list[SessionId]:
    return [
        session.id
        for session in snapshot.sessions.values()
        if is_idle(session, activity.limit, activity.last(session.id), silent_until)
    ]


async def _note(
    transaction: Transaction, session: Session, activity: Activity, now: UnixSeconds
) -> None:
    limit: IdleLimit = activity.limit
    unused = now - last_used(session, activity.last(session.id))
    await transaction.sign_ins.append(went_idle(session, now))
    await transaction.audit.append(
        at=now,
        actor="system",
        act="session-idle",
        target=f"session:{session.id}",
        detail={
            "user": session.user,
            "unused_seconds": str(int(unused)),
            "limit_seconds": str(limit.of(session)),
        },
    )


async def _remember(
    transaction: Transaction, snapshot: Snapshot, ended: Sequence[SessionId]
) -> None:
    """What the sign-in page says, should the browser come back with its cookie."""
    gone = {session: snapshot.sessions[session] for session in ended}
    for cookie in snapshot.cookies.values():
        session = gone.get(cookie.session)
        if session is None or cookie.resource != AUTH:
            continue
        await transaction.one_time.put(
            OneTime(
                purpose=_PURPOSE,
                key=cookie.id,
                data=msgspec.Raw(msgspec.json.encode({"user": session.user})),
                expires_at=session.expires_at,
            )
        )
