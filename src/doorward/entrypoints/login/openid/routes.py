"""The addresses of the OpenID Provider."""

from __future__ import annotations

from starlette.routing import BaseRoute

from doorward.entrypoints.login.openid import authorize, discovery, logout, token, userinfo
from doorward.entrypoints.login.openid.endpoint import browser_endpoint, endpoint
from doorward.entrypoints.login.wiring import Wiring, route
from doorward.protocol.openid import metadata


def openid_routes(wiring: Wiring) -> list[BaseRoute]:
    """Every address of the provider."""
    return [
        endpoint(wiring, "/.well-known/openid-configuration", discovery.configuration, "GET"),
        endpoint(wiring, "/.well-known/oauth-authorization-server", discovery.configuration, "GET"),
        endpoint(wiring, metadata.KEYS, discovery.Keys(), "GET"),
        route(wiring, metadata.AUTHORIZE, authorize.show),
        browser_endpoint(wiring, metadata.AUTHORIZE, authorize.posted),
        route(wiring, authorize.CONTINUE, authorize.go_on),
        endpoint(wiring, metadata.TOKEN, token.token, "POST"),
        endpoint(wiring, metadata.REVOKE, token.revoke, "POST"),
        endpoint(wiring, metadata.USERINFO, userinfo.userinfo, "GET", "POST"),
        route(wiring, metadata.LOGOUT, logout.ask),
        browser_endpoint(wiring, metadata.LOGOUT, logout.posted),
        route(wiring, logout.CONFIRM, logout.confirm, post=True),
    ]
