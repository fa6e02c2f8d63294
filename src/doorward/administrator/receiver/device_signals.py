"""Signals about a device's compliance: it fails, until the same transmitter says otherwise."""

from __future__ import annotations

from dataclasses import replace

import msgspec

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
        if said is not False:
            await _overrule(applying, subject)
        failing = Saying(healthy=False, why=applying.reason)
        return Done(await _say(applying, device.id, failing), "fails until it complies")
    if not own:
        return Done(otherwise="not-its-word" if said is False else "nothing-to-do")
    other = await _other_word(applying, subject)
    if other is not None:
        return Done(await _say(applying, device.id, other), "another still says that it fails")
    return Done(
        await _say(applying, device.id, Saying(healthy=None, why="")), "its word is taken back"
    )


async def _overrule(applying: Applying, subject: str) -> None:
    """Whatever others said before somebody here said otherwise counts no more."""
    words = applying.transaction.receiver.words
    for word in await words.about(SERIES, subject):
        if word.transmitter != applying.transmitter.id:
            await words.put(msgspec.structs.replace(word, said="overruled"))


async def _other_word(applying: Applying, subject: str) -> Saying | None:
    """What another transmitter still says of the device, None for nothing."""
    for word in await applying.transaction.receiver.words.about(SERIES, subject):
        other = applying.snapshot.transmitters.get(word.transmitter)
        if other is None or other.id == applying.transmitter.id or word.said != "not-compliant":
            continue
        return Saying(healthy=False, why=replace(applying, transmitter=other).reason)
    return None


async def _say(applying: Applying, device: DeviceId, saying: Saying) -> tuple[Change, ...]:
    changes, _ = await posture_said(
        applying.transaction, applying.snapshot, device, saying, applying.now
    )
    return tuple(changes)
