"""One request to the console, by someone known."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from doorward.administrator.control_plane import Act, Effect
from doorward.entrypoints.actors import Actor
from doorward.entrypoints.api.context import Context
from doorward.entrypoints.api.problems import status
from doorward.entrypoints.console.navigation import navigation
from doorward.entrypoints.console.notices import NoticeCode, notice
from doorward.entrypoints.pages.headers import page_headers
from doorward.entrypoints.pages.templates import Templates
from doorward.entrypoints.rights import Rights, rights
from doorward.errors import DoorwardError
from doorward.model.areas import Area, area_of
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot

_HOST = re.compile(r"[a-z0-9-]+\.([a-z0-9.-]+(?::[0-9]{1,5})?)")
_MAX_FORM_BYTES = 16 * 1024
_templates = Templates(Path(__file__).parent / "templates")


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks for what, when, and with which rights; `snapshot` is the same all along.

    `area` is that of the page, or of the act.
    """

    request: Request
    context: Context
    actor: Actor
    now: UnixSeconds
    snapshot: Snapshot
    area: Area
    rights: Rights

    @property
    def act(self) -> Act:
        """An act of this person, now."""
        return self.actor.act(self.now)

    def page(self, template: str, **values: object) -> Response:
        """The template as a page, with whatever the act before it has to say."""
        done = notice(self.request.query_params.get("done", ""))
        groups = navigation(self.rights.may)
        html = _templates.render(
            template,
            actor=self.actor,
            now=self.now,
            path=self.request.url.path,
            may=self.rights.may,
            area=self.area,
            navigation=groups,
            opened=[group for group in groups if group.holds(self.area)],
            notice=done,
            **values,
        )
        return Response(html, headers=page_headers(sign_in_host(self.request)))

    def step_up(self, path: str) -> str:
        """Where a passkey is asked for and leads back to `path`, by the page's own scheme and port.

        Empty where that is unknown.
        """
        console, hosts = self.rights.console, sign_in_host(self.request)
        if console is None or not hosts:
            return ""
        query = {"resource": console.id, "return": path, "need": "phishing-resistant"}
        return f"//{hosts[0]}/step-up?{urlencode(query)}"

    async def form(self) -> dict[str, str]:
        """The fields of a posted form. Raises `request-invalid`."""
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                raise DoorwardError("request-invalid", "The form is too long.", "Shorten it.")
        try:
            fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=50)
        except ValueError:
            raise DoorwardError(
                "request-invalid", "The form cannot be read.", "Open the page again."
            ) from None
        return {name: values[-1] for name, values in fields.items()}

    def done(self, path: str, said: NoticeCode, effect: Effect) -> Response:
        """Go on to `path`, and say there what has come about."""
        query = urlencode({"done": said if effect.enforced else f"{said}.pending"})
        return RedirectResponse(f"{path}?{query}", status_code=303)

    def recorded(self, path: str, said: NoticeCode) -> Response:
        """As `done`, after an act that changes nothing for the gateways."""
        return RedirectResponse(f"{path}?{urlencode({'done': f'{said}.recorded'})}", 303)


Handler = Callable[[Visit], Awaitable[Response]]


def page(path: str, handler: Handler) -> Route:
    """A route that only looks."""
    return _route(path, handler, "GET")


def act(path: str, handler: Handler) -> Route:
    """A route that changes something: a form of our own pages, posted."""
    return _route(path, handler, "POST")


def _route(path: str, handler: Handler, method: str) -> Route:
    area = area_of(path)

    async def endpoint(request: Request) -> Response:
        context: Context = request.app.state.context
        now = context.clock()
        try:
            actor = context.authenticator.actor(request.method, request.headers, now, area)
            snapshot = context.control.live.current
            prepared = await context.openid.prepared.of(snapshot)
            known = rights(request, prepared, actor, now)
            return await handler(Visit(request, context, actor, now, snapshot, area, known))
        except DoorwardError as error:
            return error_page(error)

    return Route(path, endpoint, methods=[method])


def sign_in_host(request: Request) -> tuple[str, ...]:
    """Where a form of somebody who is signed out ends, as a CSP source of the page's own scheme."""
    host = _HOST.fullmatch(request.headers.get("host", ""))
    return () if host is None else (f"auth.{host[1]}",)


def error_page(error: DoorwardError) -> Response:
    """An error in words."""
    html = _templates.render("error.html", error=error)
    return Response(html, status_code=status(error.code), headers=page_headers())
