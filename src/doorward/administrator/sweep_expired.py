"""Remove what has expired: sessions, lone cookies, tokens, what works once, old sign-ins."""

from __future__ import annotations

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import removal

SIGN_INS_PER_SWEEP = 2000
SIGNALS_PER_SWEEP = 2000
_DAY = 86_400


async def sweep_expired(
    control: ControlPlane,
    now: UnixSeconds,
    *,
    sign_in_log_days: int = 0,
    received_signal_days: int = 0,
) -> int:
    """How many documents were removed. The engine denies what has expired without this.

    Of the logs of sign-ins and of received signals, entries older than `sign_in_log_days` and
    `received_signal_days` go, some at a time; 0 keeps all.
    """
    async with control.store.transaction() as transaction:
        await transaction.one_time.sweep(now)
        await transaction.attempts.sweep(now)
        if sign_in_log_days:
            before = now - sign_in_log_days * _DAY
            await transaction.sign_ins.remove_before(before, SIGN_INS_PER_SWEEP)
        if received_signal_days:
            before = now - received_signal_days * _DAY
            await transaction.receiver.signals.remove_before(before, SIGNALS_PER_SWEEP)
        await transaction.openid.grants.sweep(now)
        await transaction.recoveries.sweep(now)
        await transaction.devices.enrolments.sweep(now)
        snapshot = await settled(control, transaction)
        sessions = [item.id for item in snapshot.sessions.values() if item.expires_at <= now]
        ended = end_sessions(snapshot, sessions)
        gone = {item.id for item in ended}
        changes = [
            *ended,
            *(
                removal("cookie", cookie.id)
                for cookie in snapshot.cookies.values()
                if cookie.session not in snapshot.sessions and cookie.id not in gone
            ),
            *(
                removal("service_token", token.id)
                for token in snapshot.service_tokens.values()
                if token.expires_at <= now
            ),
        ]
        await transaction.snapshot.publish(changes)
    return len(changes)
