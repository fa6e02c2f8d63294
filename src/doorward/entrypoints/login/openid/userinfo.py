"""The userinfo endpoint (OpenID Connect Core 5.3)."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.openid import use_token
from doorward.entrypoints.login.answers import json
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring
from doorward.protocol.openid.credentials import read_bearer


async def userinfo(wiring: Wiring, visit: Visit) -> Response:
    """Who the person of an access token is. The token comes in `Authorization` and nowhere else."""
    access = read_bearer(visit.request.headers.getlist("authorization"))
    return json(await use_token.userinfo(wiring.openid, access, visit.now))
