"""The first of a person's own pages: who they are here, and what needs their attention."""

from __future__ import annotations

from starlette.responses import Response

from doorward.entrypoints.login.account.concerns import concerns_of
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.account.words import by, listed, strength
from doorward.entrypoints.pages.times import day
from doorward.model.identity import groups_of, standing_at


async def show(visit: AccountVisit) -> Response:
    """Name, address, groups and assurance; every concern; the other pages."""
    snapshot, user = visit.snapshot, visit.user
    standing = standing_at(snapshot.standings.get(user.id), visit.now)
    groups = (snapshot.groups.get(group) for group in groups_of(user, standing))
    roles = (snapshot.roles.get(role) for role in user.roles)
    identity = "Not verified"
    if standing is not None and standing.ial:
        until = day(standing.ial_until)
        identity = f"Verified, level {standing.ial} of 3, until {until}"
    return visit.page(
        "account/overview.html",
        concerns=await concerns_of(visit),
        groups=listed((item.name for item in groups if item is not None), "None"),
        roles=listed((item.name for item in roles if item is not None), ""),
        identity=identity,
        by=by(visit.session.methods, visit.session.provider),
        strength=strength(visit.session),
    )
