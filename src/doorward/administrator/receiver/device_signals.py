"""Signals about a device's compliance: it fails, until the same transmitter says otherwise."""

from __future__ import annotations

from doorward.administrator.devices.manage_devices import posture_said
from doorward.administrator.devices.settle import Saying
from doorward.administrator.receiver.applying import Applying, Done
from doorward.model.ids import DeviceId
from doorward.model.snapshot import Change
from doorward.protocol.signals.events import DeviceComplianceChange

SERIES = "compliance"


async def compliance_changed(applying: Applying, event: DeviceComplianceChange) -> Done:
    """What doorward finds out by itself is never overruled for the better."""
    device = applying.subject.device
    if device is None:
        return Done(otherwise="subject-unknown")
    subject = f"device:{device.id}"
    last = await applying.word(SERIES, subject)
    if applying.is_late(last):
        return Done(otherwise="out-of-order")
    await applying.say(SERIES, subject, event.current_status)
    known = (await applying.transaction.devices.posture.records.of([device.id])).get(device.id)
    said, why = (None, "") if known is None else (known.said, known.said_why)
    own = said is False and why == applying.reason
    if event.current_status == "not-compliant":
        if said is False and not own:
            return Done()
        failing = Saying(healthy=False, why=applying.reason)
        return Done(await _say(applying, device.id, failing), "fails until it complies")
    if not own:
        return Done(otherwise="not-its-word" if said is False else "nothing-to-do")
    return Done(
        await _say(applying, device.id, Saying(healthy=None, why="")), "its word is taken back"
    )


async def _say(applying: Applying, device: DeviceId, saying: Saying) -> tuple[Change, ...]:
    changes, _ = await posture_said(
        applying.transaction, applying.snapshot, device, saying, applying.now
    )
    return tuple(changes)
