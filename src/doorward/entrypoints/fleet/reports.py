"""`DEVICES/ID/reports`: what an agent found on its device."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.refused import note_refusal
from doorward.administrator.devices.take_report import take_report
from doorward.entrypoints.fleet.context import Call, FleetContext, route
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId
from doorward.protocol.agent import DEVICES, Report, Taken


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [route(context, f"{DEVICES}/{{device}}/reports", take)]


async def take(call: Call) -> Taken:
    """Signed by the device; what is refused changes nothing."""
    fleet, device = call.context.fleet, DeviceId(call.request.path_params["device"])
    try:
        return await take_report(fleet, device, call.message, call.body(Report), call.now)
    except DoorwardError as error:
        await note_refusal(fleet, device, call.address, error, call.now)
        raise
