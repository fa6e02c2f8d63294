"""No endpoint answers anyone who has not said, and proven, who they are.

Every route of the API is found by walking the application, every one of the SCIM server by asking
its library, and each is called with nothing that authenticates. It must answer 401 or 403, and
must not have touched a single port before. A new route is found by itself: there is no list to
forget it on. What is open to all stands in `OPEN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from scim2_server.routing import ROUTES
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Mount, Route

from doorward.adapters.assertion_verifier import AssertionVerifier
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.directory.ports import Directory
from doorward.administrator.federation.federation import Federation
from doorward.administrator.mail import Mailer
from doorward.administrator.openid.provider import Provider
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.ports import AuditHeads, Gateways, Sealer, Secrets, Store, Throttle
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.signals.transmitting.poll import Polls
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.entrypoints.actors import GatewayAssertion
from doorward.entrypoints.api.app import app as api
from doorward.entrypoints.api.context import Context
from doorward.entrypoints.scim.app import ScimApplication
from doorward.entrypoints.scim.context import ScimContext
from doorward.entrypoints.signals.app import SignalsContext
from doorward.entrypoints.signals.app import app as signals
from doorward.model.estate import CONTROL_UPSTREAM, SCIM_UPSTREAM, SIGNALS_UPSTREAM
from doorward.model.snapshot import Snapshot

OPEN: frozenset[str] = frozenset()
"""Endpoints, as `METHOD /path`, that answer anyone. This set may only shrink."""

REFUSALS = {401, 403}


class Untouchable:
    """A port that must not be reached before the caller is known."""

    def __getattr__(self, name: str) -> object:
        message = f"`.{name}` of a port was used for a caller whom nobody has authenticated"
        raise AssertionError(message)


class EmptySnapshot:
    current = Snapshot()

    async def reached(self, number: int) -> Snapshot:
        raise AssertionError(number)


class Endpoint(NamedTuple):
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def gateways_word(upstream: str = CONTROL_UPSTREAM) -> GatewayAssertion:
    """As it stands behind the gateway: only a gateway's assertion is believed."""
    verifier = AssertionVerifier("https://auth.example.localhost", list)
    return GatewayAssertion(
        verifier, EmptySnapshot(), ["https://console.example.localhost"], upstream
    )


def control_plane() -> ControlPlane:
    return ControlPlane(
        store=cast("Store", Untouchable()),
        live=EmptySnapshot(),
        gateways=cast("Gateways", Untouchable()),
        secrets=cast("Secrets", Untouchable()),
        mailer=cast("Mailer", Untouchable()),
    )


def application() -> Starlette:
    """The API as it stands behind the gateway."""
    return api(
        Context(
            control=control_plane(),
            openid=cast("Provider", Untouchable()),
            transmitter=cast("Transmitting", Untouchable()),
            federation=cast("Federation", Untouchable()),
            receiver=cast("Receiver", Untouchable()),
            directory=cast("Directory", Untouchable()),
            proofing=cast("Proofing", Untouchable()),
            osquery=cast("Osquery", Untouchable()),
            fleet=cast("Fleet", Untouchable()),
            heads=cast("AuditHeads", Untouchable()),
            sealer=cast("Sealer", Untouchable()),
            authenticator=gateways_word(),
            clock=lambda: 0.0,
            auth_origin="https://auth.example.localhost",
            invitation_seconds=60,
        )
    )


def endpoints(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Endpoint]:
    for found in iter_route_contexts(routes):
        route = found.original_route
        if isinstance(route, Mount):
            yield from endpoints(route.routes, prefix + route.path)
        elif isinstance(route, Host):
            yield from endpoints(route.routes, prefix)
        elif isinstance(route, Route):
            for method in sorted(found.methods or {"GET"}):
                yield Endpoint(method, f"{prefix}{found.path}")
        else:
            message = f"{route!r}: teach this test to look into such a route"
            raise TypeError(message)


APPLICATION = application()
ENDPOINTS = list(endpoints(APPLICATION.routes))
DIRECTORY = ScimApplication(
    ScimContext(
        control_plane(),
        cast("Directory", Untouchable()),
        cast("Throttle", Untouchable()),
        gateways_word(SCIM_UPSTREAM),
        lambda: 0.0,
    )
)
SIGNALS = signals(
    SignalsContext(
        cast("Transmitting", Untouchable()),
        cast("Polls", Untouchable()),
        gateways_word(SIGNALS_UPSTREAM),
        lambda: 0.0,
    )
)
SIGNALS_ENDPOINTS = list(endpoints(SIGNALS.routes))
DIRECTORY_ENDPOINTS = [Endpoint(route.method, f"/scim/v2{route.pattern}") for route in ROUTES]


def test_the_walk_finds_the_endpoints() -> None:
    assert len(ENDPOINTS) > 10, "the applications have moved: this test walks past them"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
async def test_refuses_who_is_not_authenticated(endpoint: Endpoint) -> None:
    path = re.sub(r"\{[^}]*\}", "x", endpoint.path)
    transport = httpx.ASGITransport(app=APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="https://console.test") as client:
        answer = await client.request(endpoint.method, path)
    refused = answer.status_code in REFUSALS
    if str(endpoint) in OPEN:
        assert not refused, f"{endpoint} refuses strangers now: take it out of OPEN"
        return
    assert refused, (
        f"{endpoint} answered {answer.status_code} to someone who has not authenticated. Make its "
        "function depend on `Caller` (entrypoints/api/context.py), so that who asks is known "
        "before anything else happens. If it must be open to all, say why in the threat model "
        "and have it reviewed before it joins OPEN."
    )


@pytest.mark.parametrize("endpoint", DIRECTORY_ENDPOINTS, ids=str)
async def test_the_directory_refuses_who_is_not_authenticated(endpoint: Endpoint) -> None:
    path = re.sub(r"\{[^}]*\}", "Users", endpoint.path)
    transport = httpx.ASGITransport(app=DIRECTORY)
    async with httpx.AsyncClient(transport=transport, base_url="https://directory.test") as client:
        answer = await client.request(endpoint.method, path, content=b"not even JSON")
    assert answer.status_code == 401, (
        f"{endpoint} answered {answer.status_code} to someone who has not authenticated: "
        "entrypoints/scim/app.py must know who asks before it reads anything of a request."
    )


@pytest.mark.parametrize("endpoint", SIGNALS_ENDPOINTS, ids=str)
async def test_the_transmitter_refuses_who_is_not_authenticated(endpoint: Endpoint) -> None:
    path = re.sub(r"\{[^}]*\}", "x", endpoint.path)
    transport = httpx.ASGITransport(app=SIGNALS)
    async with httpx.AsyncClient(transport=transport, base_url="https://signals.test") as client:
        answer = await client.request(endpoint.method, path, content=b"not even JSON")
    assert answer.status_code == 401, (
        f"{endpoint} answered {answer.status_code} to someone who has not authenticated: "
        "entrypoints/signals/app.py must know who asks before it reads anything of a request."
    )


def test_every_open_endpoint_exists() -> None:
    assert {str(endpoint) for endpoint in ENDPOINTS} >= OPEN
