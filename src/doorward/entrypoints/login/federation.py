"""Off to another provider and back, and what providers themselves send here."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from doorward.administrator.accept_invitation import read_invitation
from doorward.administrator.attempts import recorded
from doorward.administrator.authentication import digest
from doorward.administrator.federation.back_channel_logout import log_out
from doorward.administrator.federation.begin import begin_federation
from doorward.administrator.federation.complete import Completed, complete_federation
from doorward.administrator.federation.flow import Wish
from doorward.administrator.strengthen_session import strengthen_session
from doorward.entrypoints.login.answers import (
    error_headers,
    error_status,
    json,
    page,
    put_cookie,
    redirect,
)
from doorward.entrypoints.login.continuation import read_continuation, read_need
from doorward.entrypoints.login.sign_in import begin_session
from doorward.entrypoints.login.visit import SESSION_COOKIE, Visit
from doorward.entrypoints.login.wiring import Wiring, flow_renewed, require_signed_in, route
from doorward.errors import DoorwardError

LINKS = "/account/links"


def federation_routes(wiring: Wiring) -> list[BaseRoute]:
    """Every address that has to do with other providers."""
    return [
        route(wiring, "/federation/{provider}/start", start, post=True),
        route(wiring, "/federation/{provider}/callback", callback),
        route(wiring, "/federation/{provider}/logout", logout, post=True, from_servers=True),
    ]


async def start(wiring: Wiring, visit: Visit) -> Response:
    """To sign in, step up, or accept an invitation.

    A form of ours and not a link: no other site makes a browser set out (login CSRF).
    """
    fields = await visit.form()
    onward = read_continuation(lambda name: fields.get(name, ""), wiring.snapshot)
    wish = Wish(intent="sign-in", onward=onward.fields)
    if fields.get("intent") == "step-up":
        person = require_signed_in(wiring, visit)
        need = read_need(fields.get("need", ""))
        wish = Wish(intent="step-up", session=person.session.id, need=need, onward=onward.fields)
    elif fields.get("intent") == "invitation":
        secret = fields.get("invitation", "")
        user = await read_invitation(wiring.authenticators, visit.browser(), secret, visit.now)
        wish = Wish(intent="invitation", user=user.id, invitation=digest(secret))
    return await set_out(wiring, visit, visit.request.path_params["provider"], wish)


async def set_out(wiring: Wiring, visit: Visit, provider_id: str, wish: Wish) -> Response:
    """A page that goes on to the provider by itself.

    Not a redirect: browsers hold every hop after a form against `form-action`, and where a
    provider leads its people is its own affair.
    """
    location = await begin_federation(
        wiring.federation,
        visit.browser(),
        provider_id,
        wish,
        redirect_uri=f"{visit.place.origin}/federation/{provider_id}/callback",
        now=visit.now,
    )
    provider = wiring.federation.provider(provider_id)
    return flow_renewed(visit, page("leaving.html", provider=provider, location=location))


async def callback(wiring: Wiring, visit: Visit) -> Response:
    """Back from the provider: a session begins, is strengthened, or an account is linked."""
    try:
        completed = await complete_federation(
            wiring.federation,
            visit.browser(),
            visit.request.path_params["provider"],
            visit.request.query_params.multi_items(),
            now=visit.now,
        )
        # What the estate or the provider took back meanwhile is a rejected attempt as well.
        async with recorded(
            wiring.authenticators,
            visit.browser(),
            method="federated",
            target=f"provider:{completed.provider.id}",
            at=visit.now,
        ):
            return await _go_on(wiring, visit, completed)
    except DoorwardError as error:
        return _failed(error)


async def logout(wiring: Wiring, visit: Visit) -> Response:
    """A provider's logout token (OpenID Connect Back-Channel Logout 1.0, 2.5 and 2.8)."""
    fields = await visit.form()
    try:
        await log_out(
            wiring.federation,
            visit.request.path_params["provider"],
            fields.get("logout_token", ""),
            address=visit.address,
            now=visit.now,
        )
    except DoorwardError as error:
        described = {"error": "invalid_request", "error_description": error.detail}
        return json(described, error_status(error))
    return Response(status_code=200, headers={"cache-control": "no-store"})


async def _go_on(wiring: Wiring, visit: Visit, completed: Completed) -> Response:
    match completed.wish.intent:
        case "step-up":
            return await _strengthen(wiring, visit, completed)
        case "link":
            return redirect(f"{LINKS}?done=account-linked")
    onward = read_continuation(lambda name: completed.wish.onward.get(name, ""), wiring.snapshot)
    return await begin_session(wiring, visit, completed.proof, redirect(onward.start()))


async def _strengthen(wiring: Wiring, visit: Visit, completed: Completed) -> Response:
    person = require_signed_in(wiring, visit)
    onward = read_continuation(lambda name: completed.wish.onward.get(name, ""), wiring.snapshot)
    if person.session.id != completed.wish.session:
        raise DoorwardError("session-unknown", "This session has ended.", "Sign in again.")
    cookie = await strengthen_session(
        wiring.control,
        person.act(visit.now),
        session=person.session.id,
        proof=completed.proof,
        browser=visit.browser(),
    )
    response = redirect(onward.back(visit.place))
    remaining = max(1, int(person.session.expires_at - visit.now))
    put_cookie(response, SESSION_COOKIE, cookie.secret, remaining)
    return response


def _failed(error: DoorwardError) -> Response:
    """The error in words, with a way on."""
    response = page(
        "message.html",
        status=error_status(error),
        title=error.detail,
        text=error.remedy,
        action_label="To the sign-in page",
        action_href="/sign-in",
    )
    response.headers.update(error_headers(error))
    return response
