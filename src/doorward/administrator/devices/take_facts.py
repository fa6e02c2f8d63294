"""Take what was found on a device as what is known of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.settle import settle
from doorward.administrator.fleet.conclude import Conclusion, conclude, known_of
from doorward.administrator.fleet.known import believed, merged, packed
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.model.posture import Fact, Trust
from doorward.protocol.agent import Failing


async def take_facts(
    fleet: Fleet, device: DeviceId, facts: Sequence[Fact], trust: Trust, now: UnixSeconds
) -> Sequence[Failing]:
    """Keep the facts and conclude what follows; the checks that the device does not pass now.

    A conclusion that changes is published before this returns; whether gateways enforce it yet is
    not waited for. Raises DoorwardError `device-unknown`, and `facts-implausible` where one does
    not fit its kind, is of the future or older than what is known; then nothing of them counts.
    """
    held = await fleet.postures.of(fleet.control.store, device)
    snapshot = fleet.control.live.current
    document = snapshot.devices.get(device)
    if document is None:
        fleet.postures.forget([device])
        raise DoorwardError(
            "device-unknown", "This device is not enrolled.", "Enrol it: doorward agent enrol."
        )
    before = known_of(document, held.record)
    known = merged(before, believed(facts, trust, before, now))
    conclusion = conclude(snapshot, document, held.record, known, held.findings, now)
    record = msgspec.structs.replace(
        held.record,
        key=document.key,
        facts=packed(known),
        seen_at=now,
        due_at=conclusion.due_at,
    )
    if conclusion.records == held.findings and conclusion.on(document) == document:
        fleet.postures.heard(device, record)
    else:
        # The moment until which all was constant is that of the last conclusion kept.
        fleet.postures.heard(device, msgspec.structs.replace(record, due_at=held.record.due_at))
        await settle(fleet.control, fleet.postures, [device], now)
    return failing(conclusion)


def failing(conclusion: Conclusion) -> tuple[Failing, ...]:
    """The checks that are not passed, for the device's person."""
    return tuple(
        Failing(
            policy=item.policy_name,
            fact=item.fact,
            words=item.words,
            link=item.link,
            until=item.until or 0.0,
            advice=not item.enforced,
        )
        for item in conclusion.findings
    )
