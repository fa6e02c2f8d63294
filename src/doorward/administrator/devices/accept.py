"""Accepting a device's signed message: that it is the device's, new, and in its turn.

Rules, in order; the first that a message breaks refuses it, and nothing of it counts:

1. The device is enrolled: `device-unknown`, by the store's word alone; where this process has yet
   to hear of the enrolment, `store-conflict`.
2. Its enrolled key signed this very message to this very path: `signature-wrong`.
3. It is not suspended: `device-suspended`.
4. The device does not send more than it has to say: `too-many-attempts`.
5. Its counter is new, and at most `MAX_COUNTER`. The same message a second time, straight after
   the first, is a lost answer repeated: it is answered again and counts once. Another message
   with a counter that the device has used is proof that two devices hold one key: the device is
   suspended, `device-cloned`. Whatever else is old is refused, `message-replayed`.
6. It holds the nonce that control gave for that counter, not long ago: `nonce-stale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.roll import REMEMBERED, Known
from doorward.administrator.devices.suspend import suspend_device
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.agent import signature_holds

CLOCK_TOLERANCE_SECONDS = 300
MAX_COUNTER = 2**53 - 1
"""What every reader of JSON and every store holds; with a message a second it lasts for ever."""

_BY_DOORWARD = "system"


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message as it came: `signature` is the header's value, unverified."""

    path: str
    body: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that counts, or `repeated` where it counted already; the next one's nonce."""

    device: Device
    known: Known
    repeated: bool
    nonce: str


async def accept(
    fleet: Fleet,
    device: DeviceId,
    message: SignedMessage,
    *,
    counter: int,
    nonce: str,
    now: UnixSeconds,
) -> Accepted:
    """Take the message as the device's next. Raises DoorwardError as the rules above say.

    `counter` and `nonce` are those in the body; whoever parsed it trusts nothing else of it yet.
    """
    document, known = await signer(fleet, device, message)  # 1, 2, 3
    _require_few(known, now)  # 4
    _require_believable(counter)
    digest = sha256(message.body).hexdigest()
    latest, after = known.record.counter, fleet.nonces.nonce(device, counter + 1, now)
    if counter <= latest:  # 5
        told = known.latest.get(counter)
        if told is not None and told != digest:
            await _cloned(fleet, device, now)
        if told != digest or counter != latest:
            raise DoorwardError(
                "message-replayed",
                "This message, or one after it, was taken already.",
                "Send each message once, with a counter that only grows.",
            )
        return Accepted(document, known, repeated=True, nonce=after)
    if not fleet.nonces.hold(nonce, device, counter, now):  # 6
        raise DoorwardError(
            "nonce-stale",
            "The nonce is not the one for this message, or was given too long ago.",
            "Ask for a new one.",
        )
    fleet.roll.heard(known, counter, digest, now)
    return Accepted(document, known, repeated=False, nonce=after)


async def signer(fleet: Fleet, device: DeviceId, message: SignedMessage) -> tuple[Device, Known]:
    """The device that signed, and may speak. Raises as rules 1 to 3 of this file say."""
    known = await fleet.roll.of(fleet.control.store, device)
    document = fleet.control.live.current.devices.get(device)
    if known is not None and not _of(known, document):
        # Another control process enrolled or removed it, and this one holds the record of before.
        fleet.roll.forget(device)
        known = await fleet.roll.of(fleet.control.store, device)
        document = fleet.control.live.current.devices.get(device)
    if known is None:  # 1
        raise DoorwardError(
            "device-unknown", "This device is not enrolled.", "Enrol it: doorward agent enrol."
        )
    if document is None or not _of(known, document):
        # Just started, or behind: an agent that was told that it is unknown would end for good.
        raise DoorwardError(
            "store-conflict", "The control plane does not keep up with its store.", "Try again."
        )
    public_key = known.record.public_key
    if not signature_holds(public_key, message.signature, message.path, message.body):  # 2
        raise DoorwardError(
            "signature-wrong",
            "The message is not signed with the key that this device was enrolled with.",
            "Enrol the device again if its key was lost.",
        )
    if document.suspended:  # 3
        raise DoorwardError(
            "device-suspended",
            f"This device is suspended: {document.suspended}.",
            "Enrol it again.",
        )
    return document, known


async def hear_others(
    fleet: Fleet, device: DeviceId, message: SignedMessage, now: UnixSeconds
) -> None:
    """Have what other control processes heard of the device count before its `message` does.

    Costs a transaction: for messages that are few. Raises as rules 1 to 5 of this file say.
    """
    _, known = await signer(fleet, device, message)
    _require_few(known, now)
    if not await fleet.roll.refresh(fleet.control.store, device):
        await _cloned(fleet, device, now)


def _of(known: Known, document: Device | None) -> bool:
    """Whether record and document are of one enrolment."""
    return document is not None and sha256(known.record.public_key).hexdigest() == document.key


async def nonce_for(
    fleet: Fleet,
    device: DeviceId,
    message: SignedMessage,
    *,
    counter: int,
    at: UnixSeconds,
    now: UnixSeconds,
) -> str:
    """The nonce for the message after `counter`, for an agent that has none.

    A device that says so of a counter far behind its latest goes on from an old copy of itself,
    beside the one that is at work. Raises as rules 1 to 4, and `message-replayed` where `at` is
    not about now or the counter was used.
    """
    await hear_others(fleet, device, message, now)
    _, known = await signer(fleet, device, message)
    _require_believable(counter + 1)
    if abs(now - at) > CLOCK_TOLERANCE_SECONDS:
        raise DoorwardError(
            "message-replayed",
            "The request is not of this moment.",
            "Set the device's clock, and ask again.",
        )
    latest = known.record.counter
    if counter + REMEMBERED < latest:
        await _cloned(fleet, device, now)
    if counter < latest:
        raise DoorwardError(
            "message-replayed",
            "The device has sent messages with higher counters already.",
            "Go on from the latest counter.",
        )
    return fleet.nonces.nonce(device, counter + 1, now)


def _require_few(known: Known, now: UnixSeconds) -> None:
    if not known.admit(now):
        raise DoorwardError(
            "too-many-attempts", "This device sends too much.", "Send less often: once a second."
        )


def _require_believable(counter: int) -> None:
    if counter > MAX_COUNTER:
        raise DoorwardError(
            "message-malformed",
            "No device has sent so many messages as the counter says.",
            "Enrol the device again.",
        )


async def _cloned(fleet: Fleet, device: DeviceId, now: UnixSeconds) -> None:
    """Suspend the device. Raises `device-cloned`."""
    await suspend_device(fleet.control, Act(_BY_DOORWARD, now), device, "cloned")
    raise DoorwardError(
        "device-cloned",
        "Two devices use one key, so neither counts any more.",
        "Enrol each of them again, with a key of its own.",
    )
