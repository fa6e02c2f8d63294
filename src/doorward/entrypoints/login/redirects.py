"""The redirect protocol: from a resource to the sign-in host and back, with a cookie of its own."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from doorward.administrator.issue_resource_cookie import issue_resource_cookie
from doorward.administrator.redirect_code import is_return_path, issue_code, redeem_code
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.entrypoints.login.answers import drop_cookie, page, put_cookie, redirect
from doorward.entrypoints.login.continuation import read_continuation
from doorward.entrypoints.login.visit import FLOW_COOKIE, SESSION_COOKIE, Visit
from doorward.entrypoints.login.wiring import Wiring, require_signed_in, signed_in
from doorward.errors import DoorwardError
from doorward.model.estate import Resource


async def start(wiring: Wiring, visit: Visit) -> Response:
    """From a resource: on to sign in, or straight back with a one-time code."""
    onward = read_continuation(visit.query, wiring.snapshot)
    person = signed_in(wiring, visit)
    if person is None:
        return redirect(onward.sign_in())
    if onward.resource is None:
        return redirect("/")
    if not onward.flow:
        return redirect(onward.back(visit.place))
    code = await issue_code(
        wiring.control,
        session=person.session.id,
        resource=onward.resource.id,
        flow=onward.flow,
        now=visit.now,
    )
    query = urlencode({"code": code, "return": onward.path})
    return redirect(f"{visit.place.of(onward.resource)}/.doorward/callback?{query}")


async def callback(wiring: Wiring, visit: Visit) -> Response:
    """At the resource: the code becomes this resource's own cookie, enforced when it arrives."""
    resource = _resource_here(wiring, visit)
    path = visit.query("return") or "/"
    if not is_return_path(path):
        raise DoorwardError(
            "redirect-refused",
            "This link does not lead to an application here.",
            "Open the application again.",
        )
    session_id = await redeem_code(
        wiring.control,
        visit.query("code"),
        resource=resource.id,
        flow_cookie=visit.flow_secret,
        now=visit.now,
    )
    cookie = await issue_resource_cookie(wiring.control, session=session_id, resource=resource.id)
    session = wiring.snapshot.sessions.get(session_id)
    response = redirect(path)
    if session is not None:
        remaining = max(1, int(session.expires_at - visit.now))
        put_cookie(response, SESSION_COOKIE, cookie.secret, remaining)
    drop_cookie(response, FLOW_COOKIE)
    return response


async def leave(wiring: Wiring, visit: Visit) -> Response:
    """Sign-out asked at a resource: the sign-in host carries it out."""
    _resource_here(wiring, visit)
    return redirect(f"{visit.place.beside('auth')}/")


async def home(wiring: Wiring, visit: Visit) -> Response:
    """Who this is, and the applications there are."""
    person = signed_in(wiring, visit)
    if person is None:
        return redirect("/sign-in")
    resources = sorted(wiring.snapshot.resources.values(), key=lambda item: item.name.casefold())
    links = [(resource, f"{visit.place.of(resource)}/") for resource in resources]
    return page("home.html", person=person.user, session=person.session, links=links)


async def sign_out(wiring: Wiring, visit: Visit) -> Response:
    """End every session of this person, everywhere."""
    person = require_signed_in(wiring, visit)
    await sign_out_everywhere(wiring.control, person.act(visit.now), person.user.id)
    response = page(
        "message.html",
        title="You are signed out",
        text="Every session of yours has ended, on all your devices and in all applications.",
        action_label="Sign in again",
        action_href="/sign-in",
    )
    drop_cookie(response, SESSION_COOKIE)
    return response


def _resource_here(wiring: Wiring, visit: Visit) -> Resource:
    for resource in wiring.snapshot.resources.values():
        if resource.host == visit.place.label:
            return resource
    raise DoorwardError("resource-unknown", "There is no application here.", "Check the address.")
