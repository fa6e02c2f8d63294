"""Resources: what stands behind the gateway."""

from __future__ import annotations

from fastapi import APIRouter

from doorward.entrypoints.api import reads
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import ResourceView

router = APIRouter(tags=["resources"])


@router.get("/resources")
async def list_resources(ports: Ports, _: Caller) -> list[ResourceView]:
    """Everything behind the gateway, by name."""
    return reads.resources(ports.control.live.current)
