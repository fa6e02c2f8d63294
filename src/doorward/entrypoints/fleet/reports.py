"""`DEVICES/ID/reports`: what an agent found on its device."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.take_report import take_report
from doorward.entrypoints.fleet.context import Call, FleetContext, device_route
from doorward.model.ids import DeviceId
from doorward.protocol.agent import Report, Taken


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [device_route(context, "reports", take)]


async def take(call: Call, device: DeviceId) -> Taken:
    """Signed by the device."""
    return await take_report(call.context.fleet, device, call.message, call.body(Report), call.now)
