"""The devices that are enrolled for a person; taking one out, and saying that one is lost."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.devices.manage_devices import remove_device
from doorward.administrator.devices.suspend import suspend_device
from doorward.entrypoints.login.account.refusals import not_yours
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.errors import DoorwardError
from doorward.model.device import Device

HERE = "/account/devices"


async def show(visit: AccountVisit) -> Response:
    """Each device, how well it is, and what is wrong with it."""
    devices = sorted(own_devices(visit), key=lambda device: device.id)
    return visit.page("account/devices.html", devices=devices)


async def remove(visit: AccountVisit) -> Response:
    """Forget a device of this person's, who has just proved to be that person."""
    named = (await visit.visit.form()).get("device", "")
    device = next((item for item in own_devices(visit) if item.id == named), None)
    if device is None:
        return await not_yours(visit, "device", named, HERE)
    if not visit.fresh:
        return visit.confirm(HERE)
    try:
        effect = await remove_device(visit.wiring.control, visit.act, device.id)
    except DoorwardError as error:
        if error.code != "device-unknown":
            raise
        return visit.done(HERE, "device-removed")
    return visit.done(HERE, "device-removed", effect)


async def lost(visit: AccountVisit) -> Response:
    """Suspend a device of this person's. That needs no fresh sign-in: it only takes away."""
    named = (await visit.visit.form()).get("device", "")
    device = next((item for item in own_devices(visit) if item.id == named), None)
    if device is None:
        return await not_yours(visit, "device", named, HERE)
    effect = await suspend_device(visit.wiring.control, visit.act, device.id, "lost")
    return visit.done(HERE, "device-lost", effect)


def own_devices(visit: AccountVisit) -> list[Device]:
    """Those of the visitor."""
    return [item for item in visit.snapshot.devices.values() if item.owner == visit.user.id]
