"""The userinfo endpoint (OpenID Connect Core 5.3)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from doorward.administrator.openid import use_token
from doorward.entrypoints.login.answers import json
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring
from doorward.entrypoints.pages.headers import ORIGIN_ISOLATION
from doorward.protocol.openid.credentials import read_bearer

_NO_TOKEN: Mapping[str, str] = {
    **ORIGIN_ISOLATION,
    "cache-control": "no-store",
    "www-authenticate": 'Bearer realm="doorward"',
}
"""Whoever shows no token at all is told no error (RFC 6750, 3.1)."""


async def userinfo(wiring: Wiring, visit: Visit) -> Response:
    """Who the person of an access token is. The token comes in `Authorization` and nowhere else."""
    shown = visit.request.headers.getlist("authorization")
    if not shown:
        return Response(status_code=401, headers=_NO_TOKEN)
    access = read_bearer(shown)
    return json(await use_token.userinfo(wiring.openid, access, visit.now))
