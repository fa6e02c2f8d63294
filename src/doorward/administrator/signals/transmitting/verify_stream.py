"""A verification event, which shows a receiver that its stream works (SSF 1.0, 8.1.4)."""

from __future__ import annotations

import msgspec

from doorward.administrator.signals.transmitting.claims import pending, stream_subject
from doorward.administrator.signals.transmitting.configuration import invalid
from doorward.administrator.signals.transmitting.transmitter import (
    VERIFICATION_SECONDS,
    Transmitting,
    own_stream,
)
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId, UnixSeconds
from doorward.protocol.signals.events import Verification

_MAX_STATE = 1024


class VerificationBody(msgspec.Struct, frozen=True, kw_only=True):
    """SSF 1.0, 8.1.4.2: `state` is sent back as it is."""

    stream_id: str
    state: str | msgspec.UnsetType = msgspec.UNSET


async def verify_stream(
    transmitter: Transmitting, receiver: ServiceId, body: VerificationBody, now: UnixSeconds
) -> None:
    """Send one. Raises `stream-request-invalid`, `stream-unknown`, `verification-too-soon`."""
    if isinstance(body.state, str) and len(body.state) > _MAX_STATE:
        raise invalid(f"state has at most {_MAX_STATE} characters.")
    secrets = transmitter.control.secrets
    async with transmitter.control.store.transaction() as transaction:
        stream = await own_stream(transaction, receiver, body.stream_id)
        if stream.status == "disabled":
            raise invalid("The stream is disabled: nothing is sent on it.")
        if stream.verified_at is not None and now < stream.verified_at + VERIFICATION_SECONDS:
            raise DoorwardError(
                "verification-too-soon",
                "This stream was verified a moment ago.",
                f"Wait {VERIFICATION_SECONDS} seconds between two verifications.",
            )
        # A receiver that asks is there: what failed before is tried again at once.
        stream = msgspec.structs.replace(stream, verified_at=now, due_at=0.0)
        await transaction.signals.streams.put(stream)
        item = pending(
            stream,
            Verification(state=body.state),
            stream_subject(stream),
            issuer=transmitter.issuer,
            jti=secrets.id("jti"),
            txn=secrets.id("txn"),
            at=now,
            kind="verification",
        )
        await transaction.signals.outbox.add([item])
    transmitter.bell.ring()
