"""Take a device's signed report."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.accept import SignedMessage, accept
from doorward.administrator.devices.attestation.take_quote import take_quote
from doorward.administrator.devices.health import failing_of
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.take_facts import take_facts
from doorward.administrator.fleet.known import FUTURE_TOLERANCE_SECONDS
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.agent import Failing, Report, Taken


async def take_report(
    fleet: Fleet, device: DeviceId, message: SignedMessage, report: Report, now: UnixSeconds
) -> Taken:
    """Believe the report, which is `message`'s body, as far as its signature and quote go.

    Raises DoorwardError as `accept` and `take_facts` do, and `facts-implausible` where the
    device's clock is wrong or it says that it is of another platform than it was enrolled as:
    other policies would apply to it.
    """
    accepted = await accept(
        fleet, device, message, counter=report.counter, nonce=report.nonce, now=now
    )
    if accepted.repeated:
        found: Sequence[Failing] = await failing_of(fleet, device, now)
    else:
        _require_plausible(accepted.device, report, now)
        act = Act("system", now)
        trust = await take_quote(fleet.control, fleet.quotes, act, device, report)
        found = await take_facts(fleet, device, report.facts, trust, now)
    return Taken(nonce=accepted.nonce, next_in_seconds=fleet.report_seconds, failing=tuple(found))


def _require_plausible(device: Device, report: Report, now: UnixSeconds) -> None:
    if abs(now - report.at) > FUTURE_TOLERANCE_SECONDS:
        raise DoorwardError(
            "facts-implausible",
            "The report is not of this moment, so nothing of it counts.",
            "Set the device's clock.",
        )
    if report.platform != device.platform:
        raise DoorwardError(
            "facts-implausible",
            f"The device was enrolled with {device.platform}, and reports as {report.platform}.",
            "Enrol it again with the operating system that it has now.",
        )
