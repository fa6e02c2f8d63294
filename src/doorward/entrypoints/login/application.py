"""The sign-in application, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from doorward.administrator.authentication import Authenticators
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.federation.federation import Federation
from doorward.administrator.openid.provider import Provider
from doorward.entrypoints.login import (
    invitation,
    recovery,
    redirects,
    sign_in,
    sign_out,
    step_up,
)
from doorward.entrypoints.login.account.routes import account_routes
from doorward.entrypoints.login.answers import failed, json
from doorward.entrypoints.login.applications import Applications
from doorward.entrypoints.login.federation import federation_routes
from doorward.entrypoints.login.openid.routes import openid_routes
from doorward.entrypoints.login.site import Site
from doorward.entrypoints.login.visit import Visit
from doorward.entrypoints.login.wiring import Wiring, route
from doorward.entrypoints.pages.assets import STATIC_PATH
from doorward.entrypoints.pages.static_files import static_files
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds


def app(
    authenticators: Authenticators,
    *,
    clock: Callable[[], UnixSeconds],
    federation: Federation,
    auth_origins: Iterable[str],
    session_seconds: float,
    openid: Provider,
    fleet: Fleet,
    security_contact: str = "",
) -> Starlette:
    """A plain constructor: ports and values in, an ASGI application out; it starts nothing.

    It answers for two kinds of host, told apart by `Host`: `auth.DOMAIN`, and every other host of
    the domain, where it has `/.doorward/*` only. `auth_origins` are the origins of the sign-in
    host, one for each listener, such as `http://auth.doorward.localhost:8080`. Requests must come
    from a gateway: the last element of `X-Forwarded-For` is believed. `security_contact` is the
    address of whoever is told that a person disowned a sign-in, empty for nobody.
    """
    wiring = Wiring(
        authenticators,
        Site(auth_origins),
        clock,
        session_seconds,
        openid,
        Applications(openid.prepared),
        federation,
        fleet,
        security_contact,
    )
    return Starlette(
        routes=routes(wiring),
        middleware=[Middleware(UnexpectedErrors, answer=lambda error: failed(error, "page"))],
        exception_handlers={HTTPException: _unanswered},
    )


def routes(wiring: Wiring) -> list[BaseRoute]:
    """Every address there is."""
    return [
        Mount(STATIC_PATH, static_files()),
        route(wiring, "/", redirects.home),
        route(wiring, "/start", redirects.start),
        route(wiring, "/sign-out", sign_out.ask_everywhere),
        route(wiring, "/sign-out", sign_out.everywhere, post=True),
        route(wiring, "/sign-in", sign_in.show),
        route(wiring, "/sign-in", sign_in.submit, post=True),
        route(wiring, "/step-up", step_up.show),
        route(wiring, "/step-up", step_up.submit, post=True),
        route(wiring, "/invitation", invitation.show),
        route(wiring, "/invitation/read", invitation.read, post=True, form="json"),
        route(wiring, "/invitation/totp", invitation.totp, post=True, form="json"),
        route(wiring, "/invitation/password", invitation.password, post=True, form="json"),
        route(
            wiring, "/webauthn/register/options", invitation.passkey_options, post=True, form="json"
        ),
        route(wiring, "/webauthn/register", invitation.passkey, post=True, form="json"),
        route(wiring, "/webauthn/sign-in/options", sign_in.passkey_options, post=True, form="json"),
        route(wiring, "/webauthn/sign-in", sign_in.passkey, post=True, form="json"),
        route(wiring, "/webauthn/step-up/options", step_up.passkey_options, post=True, form="json"),
        route(wiring, "/webauthn/step-up", step_up.passkey, post=True, form="json"),
        *account_routes(wiring),
        *openid_routes(wiring),
        *federation_routes(wiring),
        *_recovery(wiring),
        route(wiring, "/.well-known/jwks.json", _keys, form="json"),
        route(wiring, "/.doorward/callback", redirects.callback, at_auth=False),
        route(wiring, "/.doorward/sign-out", sign_out.ask_here, at_auth=False),
        route(wiring, "/.doorward/sign-out", sign_out.here, post=True, at_auth=False),
    ]


def _recovery(wiring: Wiring) -> list[BaseRoute]:
    return [
        route(wiring, "/recovery", recovery.show),
        route(wiring, "/recovery", recovery.submit, post=True),
        route(wiring, "/recovery/state", recovery.state, post=True, form="json"),
        route(wiring, "/recovery/totp", recovery.totp, post=True, form="json"),
        route(wiring, "/recovery/password", recovery.password, post=True, form="json"),
        route(
            wiring, "/recovery/passkey/options", recovery.passkey_options, post=True, form="json"
        ),
        route(wiring, "/recovery/passkey", recovery.passkey, post=True, form="json"),
    ]


async def _keys(wiring: Wiring, _: Visit) -> Response:
    """The keys that verify identity assertions, as a JWK set (RFC 7517)."""
    response = json({"keys": list(wiring.control.gateways.assertion_keys())})
    response.headers["cache-control"] = "public, max-age=5"
    return response


async def _unanswered(_: Request, error: Exception) -> Response:
    del error
    return failed(
        DoorwardError("not-found", "There is no such page.", "Check the address."), "page"
    )
