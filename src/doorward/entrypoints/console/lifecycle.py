"""Console pages of joiners, movers and leavers."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from starlette.responses import Response

from doorward.administrator.handover import left_behind, owned_by
from doorward.administrator.join import join_user
from doorward.administrator.leave import leave as leave_for_good
from doorward.administrator.reach import moves
from doorward.administrator.set_user_groups import require_own_groups, set_user_groups
from doorward.entrypoints.api import identity_reads, reads
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import GroupId, SessionId, UserId


async def invite(visit: Visit) -> Response:
    """Invite somebody. The answer is a page of its own: its link is shown once."""
    person = _person(visit)
    by_mail = (await visit.form()).get("mail") == "yes"
    lifetime = visit.context.invitation_seconds
    origin = visit.context.auth_origin
    joined = await join_user(
        visit.context.control,
        visit.act,
        person.id,
        ttl_seconds=lifetime,
        link=lambda secret: f"{origin}/invitation#{secret}",
        by_mail=by_mail,
        session=SessionId(visit.actor.session),
    )
    return visit.page(
        "joined.html",
        person=person,
        joined=joined,
        by_mail=by_mail,
        until=visit.now + lifetime,
        reach=[item for item in joined.reach if not item.closed],
    )


async def ask_move(visit: Visit) -> Response:
    """What other groups would change; `group` once for each, `preview` to ask at all."""
    person = _person(visit)
    require_own_groups(person)
    asked = visit.request.query_params
    previewed = "preview" in asked
    wanted = [GroupId(group) for group in asked.getlist("group")] if previewed else person.groups
    found = []
    if previewed:
        known = [group for group in wanted if group in visit.snapshot.groups]
        found = await asyncio.to_thread(moves, visit.snapshot, person.id, known, visit.now)
    return visit.page(
        "move.html",
        person=person,
        groups=sorted(visit.snapshot.groups.values(), key=lambda group: group.name.casefold()),
        wanted=set(wanted),
        previewed=previewed,
        moves=[identity_reads.move_view(move) for move in found],
    )


async def move(visit: Visit) -> Response:
    """Put a person into other groups."""
    person = _person(visit)
    groups = [GroupId(group) for group in (await visit.form()).get("groups", "").split()]
    effect = await set_user_groups(visit.context.control, visit.act, person.id, groups)
    return visit.done(_path(person.id), "user-moved", effect)


async def ask_leave(visit: Visit) -> Response:
    """What ends, and what has to be handed over, before it is done."""
    person = _person(visit)
    async with visit.context.control.store.transaction() as transaction:
        open_cases = await transaction.identity.cases.open()
    return visit.page(
        "leave.html",
        person=reads.user_view(visit.snapshot, person, visit.now),
        owned=identity_reads.owned_view(owned_by(visit.snapshot, person.id, open_cases)),
    )


async def leave(visit: Visit) -> Response:
    """Offboard somebody."""
    person = _person(visit)
    reason = (await visit.form()).get("reason", "")
    left = await leave_for_good(visit.context.control, visit.act, person.id, reason)
    path = "/handover" if left.owned.count else _path(person.id)
    return visit.done(path, "user-left", left.effect)


async def handover(visit: Visit) -> Response:
    """Everything whose owner has left."""
    async with visit.context.control.store.transaction() as transaction:
        open_cases = await transaction.identity.cases.open()
    found = left_behind(visit.snapshot, open_cases)
    return visit.page("handover.html", owned=[identity_reads.owned_view(item) for item in found])


def _person(visit: Visit) -> User:
    """Raises DoorwardError `user-unknown`."""
    found = visit.snapshot.users.get(visit.request.path_params["user"])
    if found is None:
        raise DoorwardError(
            "user-unknown", "The estate has no such person.", "Choose one under People."
        )
    return found


def _path(user: UserId) -> str:
    return f"/people/{quote(user, safe='')}"
