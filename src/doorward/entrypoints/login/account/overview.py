"""The first of a person's own pages."""

from __future__ import annotations

from starlette.responses import Response

from doorward.entrypoints.login.account.visit import AccountVisit


async def show(visit: AccountVisit) -> Response:
    """Who this is, what needs their attention, and the other pages."""
    return visit.page("account/overview.html")
