"""Signals about a device's compliance: it fails, until the same transmitter says otherwise."""

from __future__ import annotations

from doorward.administrator.manage_devices import posture_said
from doorward.administrator.receiver.applying import Applying, Done
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
    own = device.healthy is False and device.reason == applying.reason
    if event.current_status == "not-compliant":
        if device.healthy is False and not own:
            return Done()
        changes = await posture_said(
            applying.transaction, device.id, healthy=False, reason=applying.reason
        )
        return Done(tuple(changes), "fails until it complies")
    if not own:
        return Done(otherwise="not-its-word" if device.healthy is False else "nothing-to-do")
    changes = await posture_said(applying.transaction, device.id, healthy=None, reason="")
    return Done(tuple(changes), "its word is taken back")
