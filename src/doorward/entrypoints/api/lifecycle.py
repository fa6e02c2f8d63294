"""Joiners, movers, leavers."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.handover import left_behind, owned_by
from doorward.administrator.join import join_user as join
from doorward.administrator.leave import leave
from doorward.administrator.reach import moves
from doorward.administrator.set_user_groups import require_own_groups
from doorward.entrypoints.api.bodies import Body, ReasonBody
from doorward.entrypoints.api.context import Caller, Context, Ports
from doorward.entrypoints.api.identity_reads import move_view, owned_view, reach_view
from doorward.entrypoints.api.identity_views import (
    EndedView,
    JoinedView,
    LeftView,
    MoveView,
    OwnedView,
)
from doorward.entrypoints.api.views import EffectView
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import GroupId, SessionId, UserId

router = APIRouter(tags=["joiners, movers, leavers"])


class JoinBody(Body):
    """Whether the invitation goes by mail too."""

    mail: bool = False


class MoveBody(Body):
    """All groups that the person would be in."""

    groups: Annotated[tuple[str, ...], Field(max_length=1000)]


@router.post("/users/{user}/join", status_code=201)
async def join_user(ports: Ports, caller: Caller, user: str, body: JoinBody) -> JoinedView:
    """Invite somebody; say what they will reach and what is still missing."""
    act, lifetime = caller.act(ports.clock()), ports.invitation_seconds
    joined = await join(
        ports.control,
        act,
        UserId(user),
        ttl_seconds=lifetime,
        link=lambda secret: f"{ports.auth_origin}/invitation#{secret}",
        by_mail=body.mail,
        session=SessionId(caller.session),
    )
    return JoinedView.model_validate(
        {
            "link": joined.link,
            "expires_at": act.at + lifetime,
            "mailed": joined.mailed,
            "reach": [reach_view(item) for item in joined.reach if not item.closed],
            "missing": joined.missing,
        }
    )


@router.post("/users/{user}/move")
async def preview_move(ports: Ports, _: Caller, user: str, body: MoveBody) -> list[MoveView]:
    """What the person would gain and lose in these groups. Nothing is changed."""
    snapshot = ports.control.live.current
    require_own_groups(_known(ports, user))
    groups = [GroupId(group) for group in body.groups]
    for group in groups:
        if group not in snapshot.groups:
            raise DoorwardError(
                "group-unknown", f"There is no group `{group}`.", "Declare it in the estate."
            )
    found = await asyncio.to_thread(moves, snapshot, UserId(user), groups, ports.clock())
    return [move_view(move) for move in found]


@router.post("/users/{user}/leave")
async def leave_user(ports: Ports, caller: Caller, user: str, body: ReasonBody) -> LeftView:
    """End everything that a person could use; list what they owned."""
    left = await leave(ports.control, caller.act(ports.clock()), UserId(user), body.reason)
    return LeftView(
        ended=tuple(EndedView.model_validate(item) for item in left.ended),
        owned=owned_view(left.owned),
        effect=EffectView.model_validate(left.effect),
    )


@router.get("/users/{user}/handover")
async def handover(ports: Ports, _: Caller, user: str) -> OwnedView:
    """What somebody answers for."""
    _known(ports, user)
    async with ports.control.store.transaction() as transaction:
        cases = await transaction.identity.cases.open()
    return owned_view(owned_by(ports.control.live.current, UserId(user), cases))


@router.get("/handover")
async def list_left_behind(ports: Ports, _: Caller) -> list[OwnedView]:
    """Everything whose owner has left, by owner."""
    async with ports.control.store.transaction() as transaction:
        cases = await transaction.identity.cases.open()
    return [owned_view(owned) for owned in left_behind(ports.control.live.current, cases)]


def _known(ports: Context, user: str) -> User:
    """Raises DoorwardError `user-unknown`."""
    found = ports.control.live.current.users.get(user)
    if found is None:
        raise DoorwardError(
            "user-unknown", f"There is no person `{user}`.", "List them with doorward user list."
        )
    return found
