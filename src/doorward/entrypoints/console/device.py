"""The page of one device: whose and what it is, what is known of it, what is wrong."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.devices import health
from doorward.entrypoints.api import reads
from doorward.entrypoints.console.visit import Visit
from doorward.entrypoints.pages.device_words import (
    BADGES,
    PLATFORMS,
    STORAGES,
    SUSPENSIONS,
    facts_in_words,
    findings_in_words,
    name_of,
    standings_of,
)
from doorward.entrypoints.pages.health_strip import DAYS, WIDTH, strip_of
from doorward.errors import DoorwardError

_CHANGES_READ = 200
_CHANGES_SHOWN = 20


async def show(visit: Visit) -> Response:
    """Everything that is known of a device."""
    device = visit.snapshot.devices.get(visit.request.path_params["device"])
    if device is None:
        raise DoorwardError(
            "device-unknown", "There is no such device.", "Choose one under Devices."
        )
    fleet = visit.context.fleet
    known = await health.health_of(fleet, device.id, visit.now)
    history = await health.history_of(fleet, device.id, limit=_CHANGES_READ)
    async with visit.context.control.store.transaction() as transaction:
        record = await transaction.devices.records.get(device.id)
        posture = (await transaction.devices.posture.records.of([device.id])).get(device.id)
    owner = visit.snapshot.users.get(device.owner)
    sessions = [
        item
        for item in reads.sessions(visit.snapshot, visit.now, device.owner)
        if item.device == device.id
    ]
    policies = visit.snapshot.compliances
    return visit.page(
        "device.html",
        device=device,
        name=name_of(device),
        owner_name=device.owner if owner is None else owner.name,
        badges=[BADGES[item] for item in standings_of(device, silent=known.silent)],
        suspended=SUSPENSIONS.get(device.suspended, ""),
        platform=PLATFORMS[device.platform],
        storage="" if record is None else STORAGES[record.storage],
        record=record,
        said=None if posture is None else posture.said,
        said_why="" if posture is None else posture.said_why,
        known=known,
        passes=sorted(policies[item].name for item in device.complies if item in policies),
        facts=facts_in_words(known.known),
        findings=findings_in_words(known.findings),
        strip=strip_of(history, visit.now),
        strip_width=WIDTH,
        strip_days=DAYS,
        changes=history[:_CHANGES_SHOWN],
        sessions=sessions,
    )
