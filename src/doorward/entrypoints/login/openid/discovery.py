"""What applications read before anything else: where the endpoints are, and the keys."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.openid.signing_keys import PublishedKeys
from doorward.entrypoints.login.answers import json
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring
from doorward.protocol.openid.metadata import metadata

_CACHED = "public, max-age=300"


async def configuration(wiring: Wiring, _: Visit) -> Response:
    """The provider's metadata (Discovery 1.0, RFC 8414)."""
    return _public(metadata(wiring.openid.issuer))


class Keys:
    """The keys that verify ID tokens and logout tokens, as a JWK set (RFC 7517)."""

    def __init__(self) -> None:
        self._published = PublishedKeys()

    async def __call__(self, wiring: Wiring, visit: Visit) -> Response:
        return _public({"keys": await self._published.of(wiring.openid, visit.now)})


def _public(value: object) -> Response:
    response = json(value)
    response.headers["cache-control"] = _CACHED
    return response
