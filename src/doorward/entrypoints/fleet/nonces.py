"""`DEVICES/ID/nonce`: a nonce for an agent that has none."""

from __future__ import annotations

from starlette.routing import Route

from doorward.administrator.devices.accept import nonce_for
from doorward.entrypoints.fleet.context import Call, FleetContext, device_route
from doorward.model.ids import DeviceId
from doorward.protocol.agent import NonceGiven, NonceRequest


def routes(context: FleetContext) -> list[Route]:
    """Where it answers."""
    return [device_route(context, "nonce", give)]


async def give(call: Call, device: DeviceId) -> NonceGiven:
    """Signed by the device: nobody else learns where it stands."""
    asked = call.body(NonceRequest)
    nonce = await nonce_for(
        call.context.fleet,
        device,
        call.message,
        counter=asked.counter,
        at=asked.at,
        now=call.now,
    )
    return NonceGiven(nonce=nonce)
