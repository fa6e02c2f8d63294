"""The health of all parts, the gateways, and the description of this API."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from pydantic import JsonValue

from doorward import __version__
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.context import Caller, Context, Ports
from doorward.entrypoints.api.views import GatewayView, StatusView

router = APIRouter(tags=["status"])


@router.get("/status")
async def show_status(ports: Ports, _: Caller) -> StatusView:
    """The control plane and its gateways, and in `problems` what is not as it should be."""
    return await status_now(ports)


async def status_now(ports: Context) -> StatusView:
    """The same for the console."""
    passwords = await asyncio.to_thread(ports.federation.authenticators.leaked.problem)
    control = ports.control
    return reads.status_view(
        control.live.current,
        control.gateways.connected(),
        ports.clock(),
        __version__,
        passwords=passwords,
    )


@router.get("/gateways")
async def list_gateways(ports: Ports, _: Caller) -> list[GatewayView]:
    """The gateways that are connected now."""
    return [GatewayView.model_validate(state) for state in ports.control.gateways.connected()]


@router.get("/openapi.json", include_in_schema=False)
async def describe_api(request: Request, _: Caller) -> dict[str, JsonValue]:
    """The OpenAPI description of this API."""
    description: dict[str, JsonValue] = request.app.openapi()
    return description
