"""`DEVICES/ID/nonce`: a nonce for an agent that has none."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.accept import nonce_for
from doorward.entrypoints.fleet.context import Call, FleetContext, route
from doorward.model.ids import DeviceId
from doorward.protocol.agent import DEVICES, NonceGiven, NonceRequest


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [route(context, f"{DEVICES}/{{device}}/nonce", give)]


async def give(call: Call) -> NonceGiven:
    """Signed by the device: nobody else learns where it stands."""
    asked = call.body(NonceRequest)
    nonce = await nonce_for(
        call.context.fleet,
        DeviceId(call.request.path_params["device"]),
        call.message,
        counter=asked.counter,
        at=asked.at,
        now=call.now,
    )
    return NonceGiven(nonce=nonce)
