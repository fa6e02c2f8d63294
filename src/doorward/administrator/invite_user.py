"""Invite a person to register their first way to sign in."""

from __future__ import annotations

import msgspec

from doorward.administrator.accept_invitation import PURPOSE, Invitation, newest
from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.ports import OneTime
from doorward.administrator.targets import standing_of, user_named
from doorward.errors import DoorwardError
from doorward.model.ids import UserId


async def invite_user(control: ControlPlane, act: Act, user: UserId, *, ttl_seconds: float) -> str:
    """The invitation's secret, shown once: it belongs into a URL's fragment.

    Raises DoorwardError `user-unknown`, `user-disabled`.
    """
    secret = control.secrets.token()
    async with control.store.transaction() as transaction:
        await user_named(transaction, user)
        if (await standing_of(transaction, user)).disabled:
            raise DoorwardError(
                "user-disabled",
                f"`{user}` is disabled.",
                "Enable them first: doorward user enable.",
            )
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
