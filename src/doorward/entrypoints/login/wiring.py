"""What every handler works with, and how a handler becomes a route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.authentication import (
    Authenticators,
    digest,
    require_enabled,
)
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.federation.federation import Federation
from doorward.administrator.open_session import AUTH
from doorward.administrator.openid.provider import Provider
from doorward.engine.devices import device_shown, usable_on
from doorward.entrypoints.login.answers import failed, put_cookie
from doorward.entrypoints.login.applications import Applications, Seat
from doorward.entrypoints.login.site import Site
from doorward.entrypoints.login.visit import FLOW_COOKIE, Visit
from doorward.errors import DoorwardError
from doorward.model.estate import Resource, User
from doorward.model.identity import Session
from doorward.model.ids import ResourceId, SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot

_FLOW_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Wiring:
    """Ports and values of the sign-in application."""

    authenticators: Authenticators
    site: Site
    clock: Callable[[], UnixSeconds]
    session_seconds: float
    openid: Provider
    applications: Applications
    federation: Federation
    fleet: Fleet
    security_contact: str = ""

    @property
    def control(self) -> ControlPlane:
        return self.authenticators.control

    @property
    def snapshot(self) -> Snapshot:
        return self.control.live.current


def seat_of(wiring: Wiring, visit: Visit, session: SessionId) -> Seat:
    """From where this visit asks, in `session`."""
    country = wiring.openid.country(visit.address)
    return Seat(session, visit.address, country, visit.certificate)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person of this browser, and their session."""

    user: User
    session: Session

    def act(self, now: UnixSeconds) -> Act:
        return Act(f"user:{self.user.id}", now)


Handler = Callable[[Wiring, Visit], Awaitable[Response]]


def route(
    wiring: Wiring,
    path: str,
    handler: Handler,
    *,
    post: bool = False,
    form: Literal["page", "json"] = "page",
    at_auth: bool = True,
    from_servers: bool = False,
) -> Route:
    """`handler` at `path`, on the sign-in host or else on every other; POST from there only.

    What is posted `from_servers` comes from no browser: it must prove itself, and no cookie counts.
    """

    async def endpoint(request: Request) -> Response:
        try:
            visit = visit_of(wiring, request, at_auth=at_auth)
            if post and not from_servers:
                visit.require_same_origin()
            return await handler(wiring, visit)
        except DoorwardError as error:
            return failed(error, form)

    return Route(path, endpoint, methods=["POST" if post else "GET"])


def visit_of(wiring: Wiring, request: Request, *, at_auth: bool) -> Visit:
    """Raises DoorwardError `host-unknown`, or `not-found` on a host that has no such page."""
    place = wiring.site.place(request.headers.get("host", ""))
    if place.is_auth != at_auth:
        raise DoorwardError("not-found", "There is no such page.", "Check the address.")
    return Visit(request, place, wiring.clock())


def session_of_cookie(wiring: Wiring, visit: Visit, resource: ResourceId) -> Session | None:
    """The live session behind this host's cookie; a cookie of another host is none.

    Nor is one that belongs to another device. The gateway names the device at the sign-in host
    only; what is asked elsewhere without a decision gives nothing away.
    """
    snapshot = wiring.snapshot
    cookie = snapshot.cookies.get(digest(visit.session_secret)) if visit.session_secret else None
    if cookie is None or cookie.resource != resource:
        return None
    session = snapshot.sessions.get(cookie.session)
    if session is None or not visit.now < session.expires_at:
        return None
    device = device_shown(visit.certificate, session.user, snapshot, visit.now)
    return session if resource != AUTH or usable_on(session, device) else None


def signed_in(wiring: Wiring, visit: Visit) -> SignedIn | None:
    """Who this browser is at the sign-in host; None for nobody, or nobody any more.

    To be asked is use of the session.
    """
    session = session_of_cookie(wiring, visit, AUTH)
    if session is None:
        return None
    try:
        person = SignedIn(require_enabled(wiring.snapshot, session.user), session)
    except DoorwardError:
        return None
    wiring.control.activity.used(session.id, visit.now)
    return person


def require_signed_in(wiring: Wiring, visit: Visit) -> SignedIn:
    """Raises DoorwardError `not-signed-in`."""
    found = signed_in(wiring, visit)
    if found is None:
        raise DoorwardError("not-signed-in", "You are not signed in.", "Sign in first.")
    return found


def with_flow(wiring: Wiring, visit: Visit, response: Response, secret: str = "") -> Response:
    """`response`, with a flow cookie where this browser has none yet: `secret`, or a new one."""
    if not visit.flow_secret:
        put_cookie(response, FLOW_COOKIE, secret or wiring.control.secrets.token(), _FLOW_SECONDS)
    return response


def flow_renewed(visit: Visit, response: Response) -> Response:
    """`response`, with this browser's flow cookie for another hour: something waits for it."""
    put_cookie(response, FLOW_COOKIE, visit.flow_secret, _FLOW_SECONDS)
    return response


def resource_here(wiring: Wiring, visit: Visit) -> Resource:
    """The resource whose host this is. Raises DoorwardError `resource-unknown`."""
    for resource in wiring.snapshot.resources.values():
        if resource.host == visit.place.label:
            return resource
    raise DoorwardError("resource-unknown", "There is no application here.", "Check the address.")
