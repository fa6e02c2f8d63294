"""The application that devices speak to: its routes, and how errors are answered."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette

from doorward.administrator.devices.parts import Fleet
from doorward.entrypoints.api.problems import answer
from doorward.entrypoints.fleet import certificates, enrolments, nonces, reports
from doorward.entrypoints.fleet.context import FleetContext
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.model.ids import UnixSeconds
from doorward.protocol.agent import PREFIX

PREFIXES = (f"{PREFIX}/",)
"""The paths at the sign-in host that are answered here."""

_ROUTES = (enrolments.routes, certificates.routes, nonces.routes, reports.routes)


def app(fleet: Fleet, clock: Callable[[], UnixSeconds]) -> Starlette:
    """The ASGI application."""
    context = FleetContext(fleet, clock)
    found = Starlette(routes=[route for part in _ROUTES for route in part(context)])
    found.add_middleware(UnexpectedErrors, answer=answer)
    return found
