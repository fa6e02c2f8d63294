"""Which application answers for which host."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward.administrator.control_plane import LiveSnapshot

_OWN_PAGES = "/.doorward/"


class ByHost:
    """Sign-in at `auth.DOMAIN` and below `/.doorward/` anywhere, the others at hosts of their own.

    `own` holds them by the upstream (`control`, `scim`) of the resources whose hosts they answer
    for; every other host is 421. `at_auth` holds those that answer at the sign-in host for what is
    below a path.
    """

    def __init__(
        self,
        domain: str,
        live: LiveSnapshot,
        login: ASGIApp,
        own: Mapping[str, ASGIApp],
        at_auth: Mapping[str, ASGIApp],
    ) -> None:
        self._suffix = f".{domain}"
        self._live = live
        self._login = login
        self._own = own
        self._at_auth = at_auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await self._chosen(scope)(scope, receive, send)

    def _chosen(self, scope: Scope) -> ASGIApp:
        label = _label(scope, self._suffix)
        path: str = scope["path"]
        if label == "auth":
            found = (app for prefix, app in self._at_auth.items() if path.startswith(prefix))
            return next(found, self._login)
        if path.startswith(_OWN_PAGES):
            return self._login
        for resource in self._live.current.resources.values():
            if resource.host == label and resource.upstream in self._own:
                return self._own[resource.upstream]
        return PlainTextResponse("No resource has this name.\n", 421)


def _label(scope: Scope, suffix: str) -> str:
    """The DNS label below the domain; empty where the request names another host, or two."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    host = hosts[0].decode("latin-1").lower().partition(":")[0] if len(hosts) == 1 else ""
    return host.removesuffix(suffix) if host.endswith(suffix) else ""
