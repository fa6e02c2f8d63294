"""Invite a person to register their first way to sign in."""

from __future__ import annotations

import msgspec

from doorward.administrator.accept_invitation import PURPOSE, Invitation, newest
from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.vouching import require_vouching
from doorward.administrator.ports import OneTime, Transaction
from doorward.administrator.settled import settled
from doorward.administrator.targets import standing_of, user_named
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UserId


async def invite_user(
    control: ControlPlane,
    act: Act,
    user: UserId,
    *,
    ttl_seconds: float,
    session: SessionId | None = None,
) -> str:
    """The invitation's secret, shown once: it belongs into a URL's fragment.

    Whoever invites somebody who can sign in already could become them: they vouch, in their
    `session`. Raises DoorwardError `user-unknown`, `user-disabled`, `approver-stale`.
    """
    secret = control.secrets.token()
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        await user_named(transaction, user)
        if (await standing_of(transaction, user)).disabled:
            raise DoorwardError(
                "user-disabled",
                f"`{user}` is disabled.",
                "Enable them first: doorward user enable.",
            )
        if await _signs_in(transaction, user):
            require_vouching(snapshot, act, session or SessionId(""))
        await transaction.one_time.put(
            OneTime(
                purpose=PURPOSE,
                key=digest(secret),
                data=msgspec.Raw(msgspec.json.encode(Invitation(user))),
                expires_at=act.at + ttl_seconds,
            )
        )
        await transaction.one_time.put(newest(user, secret, act.at + ttl_seconds))
        await transaction.audit.append(
            at=act.at, actor=act.actor, act="user-invited", target=f"user:{user}", detail={}
        )
    return secret


async def _signs_in(transaction: Transaction, user: UserId) -> bool:
    """Whether there is an account to take over: the person has a way in, here or elsewhere."""
    held = await held_by(transaction, user)
    return bool(held.passkeys or held.password or await transaction.federation.identities(user))
