"""Logout that an application begins (RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from doorward.administrator.federation.sign_out_there import sign_out_there
from doorward.administrator.openid.end_session import LogoutRequest, is_own_logout, read_logout
from doorward.administrator.revoke_session import sign_out_session
from doorward.entrypoints.login.answers import drop_cookie, page, redirect
from doorward.entrypoints.login.openid.authorize import led_to
from doorward.entrypoints.login.sign_out import OF_THIS_BROWSER, signed_out
from doorward.entrypoints.login.visit import SESSION_COOKIE, Visit
from doorward.entrypoints.login.wiring import SignedIn, Wiring, signed_in
from doorward.protocol.openid.addresses import origin_of
from doorward.protocol.openid.errors import OpenidRefusedError
from doorward.protocol.openid.metadata import LOGOUT
from doorward.protocol.openid.parameters import Parameters

CONFIRM = "/openid/logout/confirm"
_MAX_QUERY_LENGTH = 16_384


async def ask(wiring: Wiring, visit: Visit) -> Response:
    """Sign out, where the application proves that it knows of this sign-in; else ask first."""
    request = await read_logout(wiring.openid, Parameters(visit.query_pairs()))
    person = signed_in(wiring, visit)
    if person is None:
        return _done(request)
    if await is_own_logout(wiring.openid, request, person.session):
        return await _end(wiring, visit, person, request)
    return page(
        "openid/logout.html",
        form_origins=(origin_of(request.redirect_uri),) if request.redirect_uri else (),
        client=request.client,
        person=person.user,
        action=CONFIRM,
        fields={
            "client_id": request.client.id if request.client else "",
            "post_logout_redirect_uri": request.redirect_uri,
            "state": request.state,
        },
    )


async def posted(_: Wiring, visit: Visit) -> Response:
    """The same by POST: asked again by GET, with which the cookies come."""
    query = urlencode(await visit.form_pairs())
    if len(query) > _MAX_QUERY_LENGTH:
        raise OpenidRefusedError("invalid_request", "The request is too long.")
    return redirect(f"{LOGOUT}?{query}")


async def confirm(wiring: Wiring, visit: Visit) -> Response:
    """The person said yes, on our own page."""
    request = await read_logout(wiring.openid, Parameters(await visit.form_pairs()))
    person = signed_in(wiring, visit)
    return _done(request) if person is None else await _end(wiring, visit, person, request)


async def _end(wiring: Wiring, visit: Visit, person: SignedIn, request: LogoutRequest) -> Response:
    reason = f"signed out at {request.client.id}" if request.client else "signed out"
    await sign_out_session(wiring.control, person.act(visit.now), person.session.id, reason)
    if request.redirect_uri:
        return _done(request)
    there = await sign_out_there(wiring.federation, person.session, visit.now)
    return signed_out(OF_THIS_BROWSER, "/sign-in", there)


def _done(request: LogoutRequest) -> Response:
    if not request.redirect_uri:
        return signed_out(OF_THIS_BROWSER, "/sign-in")
    response = redirect(led_to(request.redirect_uri, {"state": request.state}))
    drop_cookie(response, SESSION_COOKIE)
    return response
