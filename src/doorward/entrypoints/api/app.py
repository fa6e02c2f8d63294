"""The API as an ASGI application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from doorward import __version__
from doorward.entrypoints.api import (
    attestation,
    audit,
    clients,
    decisions,
    devices,
    directory,
    estate,
    fleet,
    lifecycle,
    osquery,
    overview,
    problems,
    proofing,
    providers,
    recoveries,
    resources,
    sessions,
    sign_ins,
    signals,
    tokens,
    transmitters,
    users,
    verifications,
)
from doorward.entrypoints.api.body_size import BoundedBodies
from doorward.entrypoints.api.context import PREFIX, Context
from doorward.entrypoints.api.not_kept import NotKept

ROUTERS = (
    decisions.router,
    sessions.router,
    users.router,
    sign_ins.router,
    providers.router,
    providers.links_router,
    recoveries.router,
    devices.router,
    attestation.router,
    osquery.router,
    fleet.router,
    directory.router,
    tokens.router,
    clients.router,
    resources.router,
    estate.router,
    audit.router,
    overview.router,
    proofing.router,
    verifications.router,
    lifecycle.router,
    transmitters.router,
    transmitters.signals_router,
    signals.router,
)


def api(context: Context) -> FastAPI:
    """The API with its paths below `PREFIX`, as `mount` and the OpenAPI golden test want it."""
    application = FastAPI(
        title="doorward",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
    )
    application.state.context = context
    application.add_middleware(BoundedBodies)
    problems.install(application)
    application.add_middleware(NotKept)
    for router in ROUTERS:
        application.include_router(router)
    return application


def mount(context: Context) -> Mount:
    """The API at `PREFIX`, to stand among the routes of the console's host."""
    return Mount(PREFIX, api(context))


def app(context: Context) -> Starlette:
    """The API alone, for the operator's Unix socket."""
    return Starlette(routes=[mount(context)])
