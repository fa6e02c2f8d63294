"""The redirect protocol: from a resource to the sign-in host and back, with a cookie of its own."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from doorward.administrator.issue_resource_cookie import issue_resource_cookie
from doorward.administrator.redirect_code import (
    code_refused,
    is_code,
    is_return_path,
    issue_code,
    redeem_code,
)
from doorward.entrypoints.login.answers import drop_cookie, page, put_cookie, redirect
from doorward.entrypoints.login.continuation import read_continuation
from doorward.entrypoints.login.visit import FLOW_COOKIE, SESSION_COOKIE, TICKET_COOKIE, Visit
from doorward.entrypoints.login.wiring import Wiring, resource_here, seat_of, signed_in
from doorward.errors import DoorwardError


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
    resource = resource_here(wiring, visit)
    path = visit.query("return") or "/"
    if not is_return_path(path):
        raise DoorwardError(
            "redirect-refused",
            "This link does not lead to an application here.",
            "Open the application again.",
        )
    if not visit.flow_secret or not is_code(visit.query("code")):
        raise code_refused()
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
    drop_cookie(response, TICKET_COOKIE)
    return response


async def home(wiring: Wiring, visit: Visit) -> Response:
    """Who this is, and the applications that would open."""
    person = signed_in(wiring, visit)
    if person is None:
        return redirect("/sign-in")
    snapshot = wiring.snapshot
    seat = seat_of(wiring, visit, person.session.id)
    applications = await wiring.applications.of(snapshot, seat, visit.now)
    return page(
        "home.html",
        person=person.user,
        session=person.session,
        applications=applications,
        origins={
            item.id: visit.place.of(item) for item in snapshot.resources.values() if item.host
        },
    )
