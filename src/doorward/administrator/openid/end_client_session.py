"""Ending one person's sign-in at one client, without touching their session."""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.openid_ports import ClientSession
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds


async def end_client_session(control: ControlPlane, act: Act, sid: str) -> Effect:
    """Void the tokens of sign-in `sid`, and have its client told (`tell_clients`).

    Gateways know nothing of tokens, so it is enforced when it is written. Raises DoorwardError
    `client-session-unknown`.
    """
    async with control.store.transaction() as transaction:
        found = await transaction.openid.sessions.get(sid)
        if found is None or found.ended_at is not None:
            raise DoorwardError(
                "client-session-unknown",
                f"There is no sign-in `{sid}` to an application.",
                "It may have ended. List them again.",
            )
        await mark_ended(transaction, found, act.at)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="client-session-ended",
            target=f"client:{found.client}",
            detail={"user": found.user, "sid": sid},
        )
    return Effect(control.live.current.number, enforced=True)


async def mark_ended(transaction: Transaction, item: ClientSession, at: UnixSeconds) -> None:
    """Void every token of a sign-in; its client is to be told from now on."""
    openid = transaction.openid
    await openid.grants.remove([grant.id for grant in await openid.grants.of(item.sid)])
    await openid.sessions.put(msgspec.structs.replace(item, ended_at=at, due_at=at))
