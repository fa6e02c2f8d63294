"""The rules by which a replica of the snapshot accepts a frame. Pure; does not decide access.

A frame is accepted where all of these hold; otherwise the replica stays as it is:

1. The snapshot key signed it.
2. It starts from nothing (`base` 0) or from the very snapshot that the replica holds.
3. It never leads back: `number` is at least the replica's, and at least `base`.
4. Changes and numbers agree: `number` moves if and only if there are changes (a frame from
   nothing may be empty).
5. It was not issued in the future, beyond the tolerated skew between two clocks.
6. It has not expired, and it expires after it was issued.
7. Every change is a well-formed document whose own id is the change's id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import FIELDS, Change, Snapshot
from doorward.protocol.link import Frame, SignedFrame
from doorward.protocol.signing import verify_frame

MAX_SKEW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Replica:
    """A snapshot and the moment from which it must not be used any more."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    expires_at: UnixSeconds = 0.0

    def expired(self, now: UnixSeconds) -> bool:
        """Whether everything must be denied; True before the first frame."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Accepted:
    """The replica after a frame, and what the frame changed."""

    replica: Replica
    changes: tuple[Change, ...]
    full: bool


def accept(
    replica: Replica, signed: SignedFrame, key: Ed25519PublicKey, now: UnixSeconds
) -> Accepted:
    """The replica after `signed`. Raises DoorwardError `frame-refused`."""
    frame = verify_frame(signed, key)  # 1
    full = frame.base == 0
    if not full and frame.base != replica.snapshot.number:  # 2
        raise _refused(f"It starts from {frame.base}, not from {replica.snapshot.number}.")
    if frame.number < max(replica.snapshot.number, frame.base):  # 3
        raise _refused(f"It leads back to {frame.number}.")
    if not full and (frame.number > frame.base) != bool(frame.changes):  # 4
        raise _refused("Its numbers do not agree with its changes.")
    if frame.issued_at > now + MAX_SKEW_SECONDS:  # 5
        raise _refused("It was issued in the future.")
    if frame.expires_at <= max(now, frame.issued_at):  # 6
        raise _refused("It has expired.")
    snapshot = _advance(Snapshot() if full else replica.snapshot, frame)  # 7
    return Accepted(Replica(snapshot, frame.expires_at), frame.changes, full)


def _advance(base: Snapshot, frame: Frame) -> Snapshot:
    try:
        snapshot = base.advance(frame.number, frame.changes)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused("One of its documents cannot be read.") from error
    for item in frame.changes:
        document = getattr(snapshot, FIELDS[item.kind]).get(item.id)
        if document is not None and document.id != item.id:
            raise _refused("One of its documents has another id than its change.")
    return snapshot


def _refused(detail: str) -> DoorwardError:
    return DoorwardError("frame-refused", f"A frame from control was refused. {detail}")
