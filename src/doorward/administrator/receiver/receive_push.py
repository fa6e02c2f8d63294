"""A transmitter pushes a token (RFC 8935)."""

from __future__ import annotations

import hmac

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import digest
from doorward.administrator.receiver.receive_set import receive_set
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.receiver.refusals import SetRefusedError, TooManySignalsError
from doorward.administrator.receiver.refused_sets import note_refused
from doorward.model.ids import UnixSeconds, is_id
from doorward.model.transmitter import Transmitter
from doorward.protocol.signals.delivery import MAX_SET_BYTES, SET_MEDIA_TYPE


async def receive_push(
    receiver: Receiver,
    transmitter_id: str,
    *,
    bearer: str,
    media_type: str,
    body: bytes,
    address: str,
    now: UnixSeconds,
) -> None:
    """Take the token in `body`, or raise SetRefusedError, which is in the audit log by then.

    Raises TooManySignalsError as well, and what `receive_set` raises.
    """
    source = network_of(address)
    if not await receiver.throttle.allow(f"signal-address:{source}"):
        wait = await receiver.throttle.retry_after_seconds(f"signal-address:{source}")
        raise TooManySignalsError(wait)
    target = f"transmitter:{transmitter_id}" if is_id(transmitter_id) else "transmitter"
    try:
        transmitter = await _authenticated(receiver, transmitter_id, bearer)
        await receive_set(receiver, transmitter, _token(media_type, body), now)
    except SetRefusedError as refused:
        await note_refused(receiver, target, source, refused, now)
        raise


def _token(media_type: str, body: bytes) -> str:
    if media_type.partition(";")[0].strip().lower() != SET_MEDIA_TYPE:
        raise SetRefusedError("invalid_request", "media-type-wrong")
    if len(body) > MAX_SET_BYTES or not body.isascii():
        raise SetRefusedError("invalid_request", "token-malformed")
    return body.decode("ascii")


async def _authenticated(receiver: Receiver, transmitter_id: str, bearer: str) -> Transmitter:
    """Nothing tells one that is unknown from one that is not let in."""
    transmitter = receiver.control.live.current.transmitters.get(transmitter_id)
    expected = (await receiver.record(transmitter)).push_hash if transmitter else ""
    right = hmac.compare_digest(digest(bearer), expected) and bool(expected)
    if transmitter is None or not right:
        raise SetRefusedError("authentication_failed", "bearer-wrong")
    if transmitter.delivery != "push":
        raise SetRefusedError("access_denied", "not-by-push")
    return transmitter
